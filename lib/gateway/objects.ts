import { KeyWrapper } from '../config/values/crypto/key-wrapper.ts'
import type { ConfigurationService, Disposable, Logger, MetricsRegistry } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import type { AuditLog } from '../core/telemetry/audit.ts'
import type { ResourceRouter } from '../crest/protocol/router.ts'
import { openRepository } from '../repo/open.ts'
import type { Repository } from '../repo/repository.ts'
import type { ScriptService } from '../script/main/engine.ts'
import type { PasswordStore } from './access/password-store.ts'
import type { RepositoryPlace } from './configuration/repository-settings.ts'
import { policies } from './endpoints/policies.ts'
import { schemas } from './endpoints/schemas.ts'
import type { WorkersLink } from './link/link.ts'
import { ManagedChanges } from './managed/changes.ts'
import { InternalUsers } from './managed/internal-users.ts'
import { type ManagedObjects, managedObjects } from './managed/managed.ts'
import type { ManagedKeys } from './managed/private-values.ts'

export interface ObjectsOptions {
  readonly router: ResourceRouter
  /** Where the database is. */
  readonly place: RepositoryPlace
  /** Source of `managed.json`. */
  readonly configuration: ConfigurationService
  /** See ManagedObjectsOptions. */
  readonly keys: ManagedKeys
  readonly scripts: ScriptService
  readonly metrics?: MetricsRegistry | undefined
  readonly audit?: AuditLog | undefined
  readonly log: Logger
  /** Link to other processes that use the same database. */
  readonly link?: Pick<WorkersLink, 'alone' | 'processes'> | undefined
}

/** The objects stored in the gateway's own repository. */
export interface StoredObjects extends Disposable {
  readonly repository: Repository
  /** Accounts that may sign in with a password. */
  readonly passwordStores: readonly PasswordStore[]
  readonly managedTypes: ManagedObjects['types']
  /** Where synchronization, which starts later, takes the changes of managed objects. */
  readonly changes: ManagedChanges
}

/**
 * Opens the project's database and adds the managed objects to the router.
 * @throws Error when the database cannot be opened
 */
export async function openObjects({
  router,
  place,
  configuration,
  keys,
  scripts,
  metrics,
  audit,
  log,
  link,
}: ObjectsOptions): Promise<StoredObjects> {
  const scope = new Scope(log)
  try {
    const repository = await openRepository({
      ...place,
      log,
      keys: new KeyWrapper(keys),
      metrics,
      alone: link && ((key, work) => link.alone(key, work)),
      processes: link?.processes,
    })
    scope.defer('repository', () => repository.close())
    const changes = new ManagedChanges()
    const parts = { router, repository, configuration, keys, scripts, metrics, changes, audit, log }
    const managed = scope.own('managed objects', await managedObjects(parts))
    scope.own('policies', router.add('policy', policies(managed.types)))
    scope.own('schemas', router.add('schema', schemas(managed.types)))
    const internal = scope.own('internal users', await InternalUsers.open(repository, parts))
    const passwordStores = [internal, managed.passwords]
    return { repository, passwordStores, managedTypes: managed.types, changes, dispose: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
