import { MAX_FILTER_LENGTH, MAX_FILTER_NODES } from '../../core/bounds.ts'
import { badRequest, type ResourceException } from '../errors.ts'

export interface Token {
  readonly kind: 'word' | 'string' | '(' | ')' | '[' | ']'
  readonly text: string
  /** Offset of its first character, for messages. */
  readonly position: number
}

/**
 * The tokens of a query filter, read one ahead. As IDM has it, a word ends at a blank or a parenthesis and nowhere
 * else, so `eq"x"` is one word and `!true` another. The one addition: `field[/` and `field[(` open an element filter.
 */
export class FilterTokens {
  readonly #text: string
  #position = 0
  #openBrackets = 0
  #nodes = 0
  #ahead: Token | undefined

  constructor(text: string) {
    this.#text = text
    if (text.length > MAX_FILTER_LENGTH) throw this.fail(`more than ${MAX_FILTER_LENGTH} characters`, MAX_FILTER_LENGTH)
    this.#ahead = this.#read()
  }

  peek(): Token | undefined {
    return this.#ahead
  }

  /** Takes the next token; `expected` names what is missing when there is none. */
  next(expected: string): Token {
    const token = this.#ahead
    if (!token) throw this.fail(`${expected} is missing`, this.#text.length)
    this.#ahead = this.#read()
    return token
  }

  /** Counts a part of the filter that is evaluated by itself. */
  countNode(): void {
    this.#nodes += 1
    if (this.#nodes > MAX_FILTER_NODES) throw this.fail(`more than ${MAX_FILTER_NODES} conditions`, this.#position)
  }

  expect(kind: Token['kind']): void {
    const token = this.next(`'${kind}'`)
    if (token.kind !== kind) throw this.fail(`'${kind}' is expected`, token.position)
  }

  expectEnd(): void {
    if (this.#ahead) throw this.fail("'and', 'or' or the end is expected", this.#ahead.position)
  }

  fail(problem: string, position: number): ResourceException {
    const text = this.#text.length > 200 ? `${this.#text.slice(0, 200)}…` : this.#text
    return badRequest(`Invalid query filter '${text}': at position ${position}, ${problem}`)
  }

  #read(): Token | undefined {
    while (this.#text[this.#position] === ' ') this.#position++
    const position = this.#position
    const first = this.#text[position]
    if (first === undefined) return undefined
    if (first === '"' || first === "'") return { kind: 'string', text: this.#readString(first), position }
    const kind = this.#readPunctuation(first)
    return kind ? { kind, text: kind, position } : { kind: 'word', text: this.#readWord(), position }
  }

  #readPunctuation(character: string): '(' | ')' | '[' | ']' | undefined {
    const isOpening = this.#opensElements(this.#position) && this.#ahead?.kind === 'word'
    const isClosing = character === ']' && this.#openBrackets > 0
    if (isOpening) this.#openBrackets++
    if (isClosing) this.#openBrackets--
    if (character !== '(' && character !== ')' && !isOpening && !isClosing) return undefined
    this.#position++
    return character as '(' | ')' | '[' | ']'
  }

  /** A backslash stands for the character behind it, whatever that is: IDM knows no `\n` or `\u0041`. */
  #readString(quote: string): string {
    const start = this.#position
    let value = ''
    for (let position = start + 1; position < this.#text.length; position++) {
      const character = this.#text[position]
      if (character === quote) {
        this.#position = position + 1
        return value
      }
      if (character === '\\') position++
      value += this.#text[position] ?? ''
    }
    throw this.fail('the string that starts here has no end', start)
  }

  #readWord(): string {
    const start = this.#position++
    while (this.#position < this.#text.length && !this.#endsWord(this.#position)) this.#position++
    return this.#text.slice(start, this.#position)
  }

  #endsWord(position: number): boolean {
    const character = this.#text[position]
    if (character === ']') return this.#openBrackets > 0
    return character === ' ' || character === '(' || character === ')' || this.#opensElements(position)
  }

  #opensElements(position: number): boolean {
    const next = this.#text[position + 1]
    return this.#text[position] === '[' && (next === '/' || next === '(')
  }
}
