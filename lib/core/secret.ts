import { inspect } from 'node:util'

const REDACTED = '[redacted]'

/**
 * A value that never prints: JSON, template strings, `util.inspect` and loggers all see `[redacted]`
 * (docs/pitfalls.md#secrets-in-output).
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The clear text. Call it only where the value leaves for its destination. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
