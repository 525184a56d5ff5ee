import { MAX_FILTER_LENGTH, MAX_FILTER_NODES } from '../../core/bounds.ts'
import { badRequest, type ResourceException } from '../errors.ts'

export interface Token {
  readonly kind: 'word' | 'string' | '(' | ')' | '[' | ']'
  readonly text: string
  /** The offset of its first character, for messages. */
  readonly position: number
}

/**
 * The tokenizer of query filters, with a lookahead of one. As in IDM, a word ends only at a space or a parenthesis, so that
 * `eq"x"` and `!true` are single words. An addition: `field[/` and `field[(` open an element filter.
 */
export class FilterTokens {
  readonly #text: string
  #position = 0
  #openBrackets = 0
  #nodes = 0
  #next: Token | undefined

  constructor(text: string) {
    this.#text = text
    if (text.length > MAX_FILTER_LENGTH) throw this.fail(`more than ${MAX_FILTER_LENGTH} characters`, MAX_FILTER_LENGTH)
    this.#next = this.#read()
  }

  peek(): Token | undefined {
    return this.#next
  }

  /** Consumes the next token. @param expected what is missing when there is none */
  next(expected: string): Token {
    const token = this.#next
    if (!token) throw this.fail(`${expected} is missing`, this.#text.length)
    this.#next = this.#read()
    return token
  }

  /** Counts a condition of the filter. @throws badRequest when there are too many */
  countNode(): void {
    this.#nodes += 1
    if (this.#nodes > MAX_FILTER_NODES) throw this.fail(`more than ${MAX_FILTER_NODES} conditions`, this.#position)
  }

  expect(kind: Token['kind']): void {
    const token = this.next(`'${kind}'`)
    if (token.kind !== kind) throw this.fail(`'${kind}' is expected`, token.position)
  }

  expectEnd(): void {
    if (this.#next) throw this.fail("'and', 'or' or the end is expected", this.#next.position)
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
    const isOpening = this.#opensElements(this.#position) && this.#next?.kind === 'word'
    const isClosing = character === ']' && this.#openBrackets > 0
    if (isOpening) this.#openBrackets++
    if (isClosing) this.#openBrackets--
    if (character !== '(' && character !== ')' && !isOpening && !isClosing) return undefined
    this.#position++
    return character as '(' | ')' | '[' | ']'
  }

  /** A backslash quotes any next character: IDM has no `\n` or `\u0041`. */
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
