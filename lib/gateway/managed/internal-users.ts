import type { Disposable, Logger } from '../../contract.ts'
import type { AuditLog } from '../../core/telemetry/audit.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { ObjectStore } from '../../repo/objects/object-store.ts'
import type { Repository } from '../../repo/repository.ts'
import { isReservedName } from '../access/administrator.ts'
import { identity, type PasswordStore, type Verdict } from '../access/password-store.ts'
import { rolesIn } from '../access/roles.ts'
import { ManagedCollection } from './collection.ts'
import type { ManagedKeys } from './private-values.ts'
import { StoredPasswords } from './stored-passwords.ts'
import { ManagedType } from './type.ts'

const COLLECTION = 'internal/user'

/** An internal user has an id, a password and roles; without a password it can only be mapped from tokens. */
const TYPE = new ManagedType(
  {
    name: 'user',
    schema: {
      properties: {
        password: { type: 'string', isProtected: true },
        roles: { type: 'array', items: { type: ['string', 'object'] }, default: [] },
      },
    },
  },
  COLLECTION,
)

export interface InternalUsersOptions {
  readonly router: ResourceRouter
  readonly keys: ManagedKeys
  readonly audit?: AuditLog | undefined
  readonly log: Logger
}

/** `internal/user`: accounts of the gateway, which sign in with their id and have the roles of their object. */
export class InternalUsers implements PasswordStore, Disposable {
  readonly #store: ObjectStore
  readonly #passwords: StoredPasswords
  readonly #route: Disposable

  private constructor(store: ObjectStore, { router, keys, audit, log }: InternalUsersOptions) {
    this.#store = store
    this.#passwords = new StoredPasswords(COLLECTION, keys, log)
    this.#route = router.add(COLLECTION, new ManagedCollection({ type: TYPE, store, keys, audit }))
  }

  static async open(repository: Repository, options: InternalUsersOptions): Promise<InternalUsers> {
    return new InternalUsers(await repository.store(COLLECTION), options)
  }

  async verify(username: string, password: string): Promise<Verdict> {
    const user = isReservedName(username) ? undefined : await this.#store.find(username)
    const isRight = user && (await this.#passwords.isPasswordOf(user, password))
    if (!user || !isRight) return isRight === undefined ? 'unknown' : 'wrong'
    return identity({
      authenticationId: user.id,
      id: user.id,
      component: COLLECTION,
      roles: rolesIn(user.content.roles),
      moduleId: 'INTERNAL_USER',
    })
  }

  dispose(): void | Promise<void> {
    return this.#route.dispose()
  }
}
