import { join } from 'node:path'
import { KeyWrapper } from '../../../lib/config/values/crypto/key-wrapper.ts'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { type Connection, connect } from '../../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../../lib/crest/protocol/router.ts'
import type { ManagedChanges } from '../../../lib/gateway/managed/changes.ts'
import type { ManagedHooks } from '../../../lib/gateway/managed/hooks.ts'
import { type ManagedObjects, managedObjects } from '../../../lib/gateway/managed/managed.ts'
import type { ManagedKeys } from '../../../lib/gateway/managed/private-values.ts'
import type { ManagedConfiguration } from '../../../lib/gateway/managed/schema.ts'
import { openRepository } from '../../../lib/repo/open.ts'
import type { Repository } from '../../../lib/repo/repository.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDir } from '../../helpers/files.ts'
import { silent } from '../../repo/repositories.ts'
import { fixedConfiguration } from './fixed-configuration.ts'
import { fixedKeys } from './keys.ts'

export interface ManagedParts {
  readonly managed: ManagedObjects
  readonly repository: Repository
  readonly router: ResourceRouter
  readonly openidm: Connection
}

export interface ManagedSetUp {
  readonly configuration?: ManagedConfiguration
  readonly hooks?: ManagedHooks
  readonly keys?: ManagedKeys
  readonly changes?: ManagedChanges
}

/** Managed objects in a repository of their own: the default types unless told otherwise. */
export async function openManaged({
  configuration,
  hooks = {},
  keys = fixedKeys(),
  changes,
}: ManagedSetUp = {}): Promise<ManagedParts> {
  const repository = await openRepository({
    file: join(await tempDir(), 'repo.db'),
    log: silent,
    keys: new KeyWrapper(keys),
  })
  onCleanUp(() => repository.close())
  const router = new ResourceRouter()
  const managed = await managedObjects({
    router,
    repository,
    configuration: fixedConfiguration(configuration),
    keys,
    hooks,
    changes,
    log: silent,
  })
  onCleanUp(() => managed.dispose())
  return { managed, repository, router, openidm: connect(router, {}) }
}

/** A complete user. */
export const user = (userName: string, more: JsonObject = {}): JsonObject => ({
  userName,
  givenName: 'Amira',
  sn: 'Ortiz',
  mail: `${userName}@example.net`,
  ...more,
})

export interface Failure {
  readonly code: number
  readonly message: string
  readonly detail: {
    readonly failedPolicyRequirements: { readonly property: string; readonly policyRequirements: Json }[]
  }
}
