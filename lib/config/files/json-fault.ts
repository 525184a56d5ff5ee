type Expectation = 'value' | 'first element' | 'member' | 'first member' | 'colon' | 'separator' | 'end'

const EXPECTED: Readonly<Record<Expectation, string>> = {
  value: 'expected a value (text needs double quotes)',
  'first element': 'expected a value or "]"',
  member: 'expected a member name in double quotes (no comma stands before "}")',
  'first member': 'expected a member name in double quotes or "}"',
  colon: 'expected ":" behind the member name',
  separator: 'expected a comma or the closing bracket',
  end: 'expected nothing more behind the closing bracket',
}
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WHITE_SPACE = /[ \t\n\r]*/y

class Fault extends Error {
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

/**
 * Walks JSON text up to its first fault. V8's own messages quote the text around a fault, which may be a secret, and
 * leave the position out for short texts; this one says only what was expected.
 */
class Walk {
  readonly #text: string
  #at = 0
  #expect: Expectation = 'value'
  readonly #open: ('{' | '[')[] = []

  constructor(text: string) {
    this.#text = text
  }

  /** @throws Fault at the first fault; returns when there is none */
  run(): void {
    for (;;) {
      this.#skip(WHITE_SPACE)
      if (this.#at >= this.#text.length) {
        if (this.#expect === 'end') return
        throw new Fault(this.#at, 'the text ends too early')
      }
      this.#step(this.#text.charAt(this.#at))
    }
  }

  #step(character: string): void {
    if (this.#expect === 'colon') this.#take(character === ':', 'value')
    else if (this.#expect === 'end') this.#refuse()
    else if (this.#expect === 'member' || this.#expect === 'first member') this.#member(character)
    else if (this.#expect === 'separator') this.#separator(character)
    else this.#value(character)
  }

  #member(character: string): void {
    if (character === '"') this.#name()
    else if (character === '}' && this.#expect === 'first member') this.#close('{')
    else this.#refuse()
  }

  #name(): void {
    this.#string()
    this.#expect = 'colon'
  }

  #separator(character: string): void {
    if (character === ',') this.#take(true, this.#open.at(-1) === '{' ? 'member' : 'value')
    else if (character === '}') this.#close('{')
    else if (character === ']') this.#close('[')
    else this.#refuse()
  }

  #value(character: string): void {
    if (character === '{') this.#enter('{', 'first member')
    else if (character === '[') this.#enter('[', 'first element')
    else if (character === ']' && this.#expect === 'first element') this.#close('[')
    else this.#scalar(character)
  }

  #scalar(character: string): void {
    if (character === '"') this.#string()
    else if (!this.#skip(LITERAL)) this.#refuse()
    this.#afterValue()
  }

  #enter(bracket: '{' | '[', next: Expectation): void {
    this.#open.push(bracket)
    this.#take(true, next)
  }

  #close(bracket: '{' | '['): void {
    if (this.#open.at(-1) !== bracket) this.#refuse()
    this.#open.pop()
    this.#at += 1
    this.#afterValue()
  }

  #afterValue(): void {
    this.#expect = this.#open.length === 0 ? 'end' : 'separator'
  }

  #string(): void {
    const start = this.#at
    for (this.#at += 1; this.#at < this.#text.length; ) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === 0x22) {
        this.#at += 1
        return
      }
      if (code < 0x20) throw new Fault(this.#at, 'a line break or control character inside a text needs an escape')
      if (code !== 0x5c) this.#at += 1
      else if (!this.#skip(ESCAPE))
        throw new Fault(this.#at, 'this escape is not known (a backslash is written "\\\\")')
    }
    throw new Fault(start, 'the text that starts here is not closed')
  }

  #take(accepted: boolean, next: Expectation): void {
    if (!accepted) this.#refuse()
    this.#at += 1
    this.#expect = next
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) return false
    this.#at = pattern.lastIndex
    return true
  }

  #refuse(): never {
    throw new Fault(this.#at, EXPECTED[this.#expect])
  }
}

/** `line 3, column 5: …` for the first fault of JSON text, without a word of the text; undefined when there is none. */
export function describeJsonFault(text: string): string | undefined {
  try {
    new Walk(text).run()
    return undefined
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const before = text.slice(0, error.offset).split('\n')
    return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}: ${error.message}`
  }
}
