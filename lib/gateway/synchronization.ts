import type { Disposable } from '../contract.ts'
import type { ResourceRouter } from '../crest/router.ts'
import { type SynchronizationParts, startSynchronization } from '../sync/synchronization.ts'
import { Scope } from '../util/scope.ts'

export type SynchronizationOptions = Omit<SynchronizationParts, 'isServed'> & { readonly router: ResourceRouter }

/** Puts mappings and reconciliation on the router: `recon`, `sync`, `audit/recon` and `repo/link`. */
export async function addSynchronization({ router, ...parts }: SynchronizationOptions): Promise<Disposable> {
  const scope = new Scope(parts.log)
  const isServed = (path: string): boolean => router.routes(path)
  const synchronization = scope.own('synchronization', await startSynchronization({ ...parts, isServed }))
  for (const [route, handler] of synchronization.resources) scope.own(`route ${route}`, router.add(route, handler))
  return scope
}
