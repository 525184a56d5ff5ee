import type { Secret } from '../../core/secret.ts'
import { FixedText } from './fixed-text.ts'
import { type Identity, identity, type PasswordStore, type Verdict } from './password-store.ts'

export interface StaticUserOptions {
  readonly name: string
  readonly password: Secret
  readonly roles: readonly string[]
}

/** One account with a fixed password. Neither name nor password can be learnt from the time a check takes. */
export class StaticUser implements PasswordStore {
  readonly #name: FixedText
  readonly #password: FixedText
  readonly #identity: Identity

  constructor({ name, password, roles }: StaticUserOptions) {
    this.#name = new FixedText(name)
    this.#password = new FixedText(password.reveal())
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
