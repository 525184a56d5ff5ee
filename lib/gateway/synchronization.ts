import type { Disposable } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import { connectDry } from '../crest/protocol/connection.ts'
import type { ResourceRouter } from '../crest/protocol/router.ts'
import { type SynchronizationOptions, startSynchronization } from '../sync/synchronization.ts'
import { reconciliations } from './endpoints/health.ts'
import { startSchedules } from './schedules/schedules.ts'

export interface AddSynchronizationOptions
  extends Omit<SynchronizationOptions, 'isServed' | 'replay' | 'dryConnection'> {
  readonly router: ResourceRouter
  /** Whether a schedule of `conf/` waits to be accepted. */
  readonly isHeld: (schedule: string) => boolean
}

/**
 * Adds mappings and reconciliation to the router (`recon`, `sync`, `audit/recon`, `repo/link`, `health/recon`) and
 * starts the schedules.
 */
export async function addSynchronization({ router, isHeld, ...parts }: AddSynchronizationOptions): Promise<Disposable> {
  const { log, configuration, scripts } = parts
  const scope = new Scope(log)
  try {
    const isServed = (path: string): boolean => router.routes(path)
    const synchronization = scope.own(
      'synchronization',
      await startSynchronization({
        ...parts,
        isServed,
        dryConnection: connectDry(router),
        replay: (write) => router.replay(write),
      }),
    )
    for (const [route, handler] of synchronization.resources) scope.own(`route ${route}`, router.add(route, handler))
    const load = () => synchronization.service.load
    scope.own('route health/recon', router.add('health/recon', reconciliations(load)))
    const running = { router, recon: synchronization.service, scripts, isHeld, log }
    const { repository, connection } = parts
    scope.own('schedules', await startSchedules({ ...running, repository, configuration, connection }))
    return scope
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
