import { timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../core/secret.ts'
import { type Identity, identity, type PasswordStore, type Verdict } from './password-store.ts'

export interface StaticUserOptions {
  readonly name: string
  readonly password: Secret
  readonly roles: readonly string[]
}

/** An account with a fixed password. The check takes the same time for any name and password. */
export class StaticUser implements PasswordStore {
  readonly #name: ConstantTimeText
  readonly #password: ConstantTimeText
  readonly #identity: Identity

  constructor({ name, password, roles }: StaticUserOptions) {
    this.#name = new ConstantTimeText(name)
    this.#password = new ConstantTimeText(password.reveal())
    this.#identity = identity({
      authenticationId: name,
      id: name,
      component: 'internal/user',
      roles,
      moduleId: 'STATIC_USER',
    })
  }

  verify(username: string, password: string): Verdict {
    const sameName = this.#name.equals(username)
    const samePassword = this.#password.equals(password)
    return sameName && samePassword ? this.#identity : 'unknown'
  }
}

/** Comparison time is constant within a multiple of this length. */
const BLOCK_BYTES = 64

/**
 * Compares a fixed text with others in a time that reveals only its length in blocks. Hashing both sides would cost
 * several times as much per request.
 */
class ConstantTimeText {
  readonly #length: number
  readonly #text: Buffer
  readonly #other: Buffer

  constructor(text: string) {
    this.#length = Buffer.byteLength(text)
    this.#text = Buffer.alloc(Math.ceil((this.#length + 1) / BLOCK_BYTES) * BLOCK_BYTES)
    this.#text.write(text)
    this.#other = Buffer.alloc(this.#text.length)
  }

  /** `write` truncates to the buffer; a longer text has a different length anyway. */
  equals(other: string): boolean {
    const written = this.#other.write(other)
    const same = timingSafeEqual(this.#other, this.#text)
    this.#other.fill(0, 0, written)
    return same && Buffer.byteLength(other) === this.#length
  }
}
