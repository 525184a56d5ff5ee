import type { Disposable } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import { registryOf } from '../crest/protocol/connection.ts'
import type { ResourceRouter } from '../crest/protocol/router.ts'
import {
  type StartedSynchronization,
  type SynchronizationOptions,
  startSynchronization,
} from '../sync/synchronization.ts'
import { reconciliations } from './endpoints/health.ts'
import { startSchedules } from './schedules/schedules.ts'

export interface AddSynchronizationOptions extends Omit<SynchronizationOptions, 'resources'> {
  readonly router: ResourceRouter
  /** Whether a schedule of `conf/` waits to be accepted. */
  readonly isHeld: (schedule: string) => boolean
}

/**
 * Adds mappings and reconciliation to the router (`recon`, `sync`, `audit/recon`, `repo/link`, `health/recon`) and
 * starts the schedules.
 */
export async function addSynchronization({
  router,
  isHeld,
  ...parts
}: AddSynchronizationOptions): Promise<Pick<StartedSynchronization, 'reconcile'> & Disposable> {
  const { log, configuration, scripts, repository } = parts
  const scope = new Scope(log)
  try {
    const resources = registryOf(router)
    const started = scope.own('synchronization', await startSynchronization({ ...parts, resources }))
    for (const [route, handler] of started.resources) scope.own(`route ${route}`, router.add(route, handler))
    const load = () => started.service.load
    scope.own('route health/recon', router.add('health/recon', reconciliations(load)))
    const running = { router, recon: started.service, scripts, isHeld, log }
    const connection = resources.connect()
    scope.own('schedules', await startSchedules({ ...running, repository, configuration, connection }))
    return { reconcile: started.reconcile, dispose: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
