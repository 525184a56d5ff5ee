import type { Disposable } from '../contract.ts'
import { MemoryCollection } from '../crest/collection.ts'
import type { ResourceRouter } from '../crest/router.ts'
import type { PasswordStore } from './identity/password-store.ts'

/** The objects that the gateway keeps itself. */
export interface StoredObjects extends Disposable {
  /** Who of them may sign in with a password. */
  readonly passwordStores: readonly PasswordStore[]
}

/** Puts the managed objects on the router. */
export async function openObjects(router: ResourceRouter): Promise<StoredObjects> {
  const entry = router.add('managed/user', new MemoryCollection())
  return { passwordStores: [], dispose: () => entry.dispose() }
}
