/** The objects of a JSON list that may not fit into memory. */
import { isObject, parseJson } from '../../core/json.ts'

export interface JsonEntry {
  readonly text: string
  /** Where it begins; 1 = the first line. */
  readonly line: number
}

/** Limits an entry whose end is missing: it would be the rest of the file. */
const MAX_ENTRY_LENGTH = 64 * 1024

/**
 * The entries of a JSON list, of the `result` of an answer to a query, or one after the other. Each is text that may be
 * invalid JSON: the next one can be read in any case.
 * @throws SyntaxError that names the line where the list cannot be read
 */
export async function* jsonEntries(pieces: AsyncIterable<string>): AsyncGenerator<JsonEntry, void, undefined> {
  const splitter = new JsonSplitter()
  for await (const piece of pieces) {
    for (const character of piece) splitter.take(character)
    yield* splitter.entries()
  }
  splitter.end()
  yield* splitter.entries()
}

/** Splits a text by its brackets and strings only. */
class JsonSplitter {
  #entries: JsonEntry[] = []
  /** The current entry, or the object around the list, before and after it. */
  #text = ''
  #begin = 1
  #line = 1
  /** Brackets that are open within `#text`. */
  #depth = 0
  #string: 'none' | 'open' | 'escape' = 'none'
  #list: 'none' | 'open' | 'closed' = 'none'
  /** The object around the list, up to it. */
  #around: string | undefined

  entries(): readonly JsonEntry[] {
    const complete = this.#entries
    this.#entries = []
    return complete
  }

  take(character: string): void {
    if (character === '\n') this.#line += 1
    if (this.#string !== 'none') {
      this.#append(character)
      if (this.#string === 'escape') this.#string = 'open'
      else if (character === '\\') this.#string = 'escape'
      else if (character === '"') this.#string = 'none'
    } else if (this.#depth === 0 && this.#isSeparator(character)) this.#endEntry()
    else if (this.#opensList(character)) {
      this.#around = this.#text
      this.#text = ''
      this.#depth = 0
      this.#list = 'open'
    } else if (this.#list === 'open' && this.#depth === 0 && character === ']') {
      this.#endEntry()
      this.#list = 'closed'
      this.#text = `${this.#around}[]`
      this.#depth = this.#around === '' ? 0 : 1
    } else {
      this.#append(character)
      if (character === '"') this.#string = 'open'
      if (character === '{' || character === '[') this.#depth += 1
      if (character === '}' || character === ']') this.#depth = Math.max(0, this.#depth - 1)
      // Without commas between them, as in JSON Lines.
      if (character === '}' && this.#depth === 0 && this.#list !== 'closed') this.#endEntry()
    }
  }

  /** @throws SyntaxError when the text is cut off, or one page of several */
  end(): void {
    if (this.#list === 'open' || this.#string !== 'none' || this.#depth > 0)
      throw new SyntaxError(`line ${this.#line}: the file ends within the list: it is incomplete`)
    if (this.#list === 'closed') this.#checkAround()
    else this.#endEntry()
  }

  #checkAround(): void {
    let around: unknown
    try {
      around = parseJson(this.#text)
    } catch {
      throw new SyntaxError(`line ${this.#line}: the text after the list is not JSON`)
    }
    if (isObject(around) && typeof around.pagedResultsCookie === 'string')
      throw new SyntaxError(
        `line ${this.#line}: this is one page of a query (pagedResultsCookie): the others are missing`,
      )
  }

  #append(character: string): void {
    if (this.#text === '') this.#begin = this.#line
    this.#text += character
    if (this.#text.length > MAX_ENTRY_LENGTH)
      throw new SyntaxError(`line ${this.#begin}: an entry has more than ${MAX_ENTRY_LENGTH} characters`)
  }

  #isSeparator(character: string): boolean {
    return character.trim() === '' || (character === ',' && this.#list === 'open')
  }

  #opensList(character: string): boolean {
    if (character !== '[' || this.#list !== 'none') return false
    return this.#text === '' || (this.#depth === 1 && /"result"\s*:\s*$/.test(this.#text))
  }

  #endEntry(): void {
    if (this.#text !== '' && this.#list !== 'closed') this.#entries.push({ text: this.#text, line: this.#begin })
    if (this.#list !== 'closed') this.#text = ''
  }
}
