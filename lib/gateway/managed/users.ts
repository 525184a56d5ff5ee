import type { Logger } from '../../contract.ts'
import type { ObjectStore, StoredObject } from '../../repo/objects/object-store.ts'
import { isReservedName } from '../access/administrator.ts'
import { identity, type PasswordStore, type Verdict } from '../access/password-store.ts'
import type { ManagedKeys } from './private-values.ts'
import { byProperty } from './query.ts'
import { StoredPasswords } from './stored-passwords.ts'

const COLLECTION = 'managed/user'
/** Roles of every signed-in user. */
const ROLES = ['internal/role/openidm-authorized']

/**
 * Managed users who sign in with `userName` and `password`. Requires the `accountStatus` `active` and a name that no
 * built-in account has.
 */
export class ManagedUsers implements PasswordStore {
  readonly #store: () => ObjectStore | undefined
  readonly #passwords: StoredPasswords

  /** @param store the objects of `managed/user`; undefined without that type */
  constructor(store: () => ObjectStore | undefined, { keys, log }: { keys: ManagedKeys; log: Logger }) {
    this.#store = store
    this.#passwords = new StoredPasswords(COLLECTION, keys, log)
  }

  async verify(username: string, password: string): Promise<Verdict> {
    const user = await this.#find(username)
    const isRight = user && (await this.#passwords.isPasswordOf(user, password))
    if (!user || isRight === undefined) return 'unknown'
    if (!isRight || user.content.accountStatus !== 'active') return 'wrong'
    return identity({
      authenticationId: String(user.content.userName),
      id: user.id,
      component: COLLECTION,
      roles: ROLES,
      moduleId: 'MANAGED_USER',
    })
  }

  async #find(username: string): Promise<StoredObject | undefined> {
    const { result = [] } = (await this.#store()?.query(byProperty('userName', username))) ?? {}
    const [user] = result as StoredObject[]
    // Checks the stored name, since the query also matches other spellings.
    return result.length !== 1 || !user || isReservedName(String(user.content.userName)) ? undefined : user
  }
}
