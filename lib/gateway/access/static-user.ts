import type { Secret } from '../../core/secret.ts'
import { ConstantTimeText } from './constant-time-text.ts'
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
