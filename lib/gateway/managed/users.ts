import type { Logger } from '../../contract.ts'
import type { ObjectStore, StoredObject } from '../../repo/objects/object-store.ts'
import { isReservedName } from '../access/administrator.ts'
import { identity, type PasswordStore, type Verdict } from '../access/password-store.ts'
import type { ManagedKeys } from './private-values.ts'
import { byProperty } from './query.ts'
import { StoredPasswords } from './stored-passwords.ts'

const COLLECTION = 'managed/user'
/** The roles of everyone who has signed in. */
const ROLES = ['internal/role/openidm-authorized']

/**
 * Managed users who sign in with `userName` and `password`, as long as their `accountStatus` is `active` and
 * the name is not that of an account of the gateway's own.
 */
export class ManagedUsers implements PasswordStore {
  readonly #store: () => ObjectStore | undefined
  readonly #passwords: StoredPasswords

  /** @param store the objects of `managed/user`; undefined while there is no such type */
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
    // The name as it is stored: the query finds it in other spellings.
    return result.length !== 1 || !user || isReservedName(String(user.content.userName)) ? undefined : user
  }
}
