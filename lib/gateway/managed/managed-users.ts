import { createHmac, randomBytes } from 'node:crypto'
import { hash, matches } from '../../config/crypto.ts'
import type { Json, Logger } from '../../contract.ts'
import type { QueryRequest } from '../../crest/request.ts'
import type { StoredObject } from '../../repo/object-row.ts'
import type { ObjectStore } from '../../repo/object-store.ts'
import { ExpiringCache } from '../identity/expiring-cache.ts'
import { type Identity, identity, type PasswordStore } from '../identity/password-store.ts'

/** Checking a password is slow on purpose; of a client that sends it with each request it is checked once a minute. */
const REMEMBERED_MS = 60_000
const REMEMBERED = 1000

/** The roles of everyone who has signed in. */
const ROLES = ['internal/role/openidm-authorized']

/** Managed users who sign in with `userName` and `password`, as long as their `accountStatus` is `active`. */
export class ManagedUsers implements PasswordStore {
  readonly #store: () => ObjectStore | undefined
  readonly #log: Logger
  readonly #remembered = new ExpiringCache<true>(REMEMBERED)
  readonly #key = randomBytes(32)
  /** Takes the place of a password where there is none. */
  readonly #nobody = hash(randomBytes(16).toString('hex'), 'SCRYPT')

  /** @param store the objects of `managed/user`; undefined while there is no such type */
  constructor(store: () => ObjectStore | undefined, log: Logger) {
    this.#store = store
    this.#log = log
  }

  /** Takes the same time for an account that is unknown, inactive or without a password as for a wrong password. */
  async verify(username: string, password: string): Promise<Identity | undefined> {
    const user = await this.#find(username)
    if (!(await this.#isPasswordOf(user, password)) || user?.content.accountStatus !== 'active') return undefined
    return identity({
      authenticationId: String(user.content.userName),
      id: user.id,
      component: 'managed/user',
      roles: ROLES,
      moduleId: 'MANAGED_USER',
    })
  }

  async #find(username: string): Promise<StoredObject | undefined> {
    const { result = [] } = (await this.#store()?.query(byUserName(username))) ?? {}
    return result.length === 1 ? (result[0] as StoredObject) : undefined
  }

  /** What was found right is known again by a keyed digest, until the user changes in any way. */
  async #isPasswordOf(user: StoredObject | undefined, password: string): Promise<boolean> {
    const stored = user?.content.password
    const known = user && this.#digest(user, password)
    if (known !== undefined && this.#remembered.get(known)) return true
    const isRight = await this.#matches(password, stored ?? (await this.#nobody), user?.id)
    if (isRight && known !== undefined) this.#remembered.set(known, true, REMEMBERED_MS)
    return isRight && stored !== undefined
  }

  #digest({ id, revision }: StoredObject, password: string): string {
    const parts = JSON.stringify([id, revision, password])
    return createHmac('sha256', this.#key).update(parts).digest('base64')
  }

  async #matches(password: string, stored: Json, id: string | undefined): Promise<boolean> {
    try {
      return await matches(password, stored)
    } catch (error) {
      this.#log.error({ err: error, user: id }, `the password of managed/user/${id} cannot be checked`)
      return false
    }
  }
}

const byUserName = (value: string): QueryRequest => ({
  method: 'query',
  resourcePath: '',
  fields: [],
  additionalParameters: {},
  queryFilter: { operator: 'eq', field: ['userName'], value },
  sortKeys: [],
  pageSize: 2,
  pagedResultsCookie: null,
  pagedResultsOffset: 0,
  totalPagedResultsPolicy: 'NONE',
})
