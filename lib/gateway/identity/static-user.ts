import { hash, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../util/secret.ts'
import { type Identity, identity, type PasswordStore } from './password-store.ts'

export interface StaticUserOptions {
  readonly name: string
  readonly password: Secret
  readonly roles: readonly string[]
}

/** One account with a fixed password. Neither name nor password can be learnt from the time a check takes. */
export class StaticUser implements PasswordStore {
  readonly #name: Buffer
  readonly #password: Buffer
  readonly #identity: Identity

  constructor({ name, password, roles }: StaticUserOptions) {
    this.#name = digest(name)
    this.#password = digest(password.reveal())
    this.#identity = identity({
      authenticationId: name,
      id: name,
      component: 'internal/user',
      roles,
      moduleId: 'STATIC_USER',
    })
  }

  async verify(username: string, password: string): Promise<Identity | undefined> {
    const sameName = timingSafeEqual(digest(username), this.#name)
    const samePassword = timingSafeEqual(digest(password), this.#password)
    return sameName && samePassword ? this.#identity : undefined
  }
}

const digest = (text: string): Buffer => hash('sha256', text, 'buffer')
