import type { Disposable } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import { connect, connectDry } from '../crest/protocol/connection.ts'
import type { ResourceRouter } from '../crest/protocol/router.ts'
import { ScriptEngine, type ScriptService } from '../script/main/engine.ts'
import { type SynchronizationParts, startSynchronization } from '../sync/synchronization.ts'
import { reconciliations } from './endpoints/health.ts'
import type { Project } from './project/project.ts'
import { startSchedules } from './schedules/schedules.ts'

export interface SynchronizationOptions
  extends Omit<SynchronizationParts, 'isServed' | 'scripts' | 'replay' | 'dryConnection'> {
  readonly router: ResourceRouter
  readonly project: Project
  /** Runs the scripts of mappings; one of their own unless given. */
  readonly scripts?: ScriptService | undefined
}

/** Puts mappings and reconciliation on the router: `recon`, `sync`, `audit/recon` and `repo/link`; keeps the schedules. */
export async function addSynchronization({ router, project, ...parts }: SynchronizationOptions): Promise<Disposable> {
  const { log, configuration } = parts
  const scope = new Scope(log)
  try {
    const scripts = parts.scripts ?? scope.own('scripts of mappings', scriptEngine(router, project, log))
    const isServed = (path: string): boolean => router.routes(path)
    const synchronization = scope.own(
      'synchronization',
      await startSynchronization({
        ...parts,
        scripts,
        isServed,
        dryConnection: connectDry(router),
        replay: (write) => router.replay(write),
      }),
    )
    for (const [route, handler] of synchronization.resources) scope.own(`route ${route}`, router.add(route, handler))
    const load = () => synchronization.service.load
    scope.own('route health/recon', router.add('health/recon', reconciliations(load)))
    const running = { router, recon: synchronization.service, scripts, log }
    const { repository, connection } = parts
    scope.own('schedules', await startSchedules({ ...running, repository, configuration, connection }))
    return scope
  } catch (error) {
    await scope.dispose()
    throw error
  }
}

const scriptEngine = (router: ResourceRouter, { dir, script }: Project, log: SynchronizationOptions['log']) =>
  new ScriptEngine({ directories: [script, dir], connect: (context) => connect(router, context), log })
