import type { Disposable } from '../contract.ts'
import type { ResourceRouter } from '../crest/router.ts'
import { type SynchronizationParts, startSynchronization } from '../sync/synchronization.ts'
import { Scope } from '../util/scope.ts'
import { Schedules } from './schedules/schedules.ts'

export type SynchronizationOptions = Omit<SynchronizationParts, 'isServed'> & { readonly router: ResourceRouter }

/** Puts mappings and reconciliation on the router: `recon`, `sync`, `audit/recon` and `repo/link`; keeps the schedules. */
export async function addSynchronization({ router, ...parts }: SynchronizationOptions): Promise<Disposable> {
  const { log, scripts, configuration } = parts
  const scope = new Scope(log)
  try {
    const isServed = (path: string): boolean => router.routes(path)
    const synchronization = scope.own('synchronization', await startSynchronization({ ...parts, isServed }))
    for (const [route, handler] of synchronization.resources) scope.own(`route ${route}`, router.add(route, handler))
    const schedules = scope.own('schedules', new Schedules({ recon: synchronization.service, scripts, log }))
    await schedules.follow(configuration)
    return scope
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
