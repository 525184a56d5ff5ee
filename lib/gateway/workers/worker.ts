import { Gateway, type GatewayOptions } from '../gateway.ts'
import { WorkersLink } from '../link/link.ts'
import { ownerToken } from '../ownership.ts'
import { reloadOnSignal, stopSignal } from '../project/signals.ts'
import { reasonOf } from '../project/start-error.ts'

/**
 * Serves requests as one of several worker processes until the primary process or a signal stops it. Workers handle
 * signals too, since a terminal sends them to all processes; a second one ends the process.
 * @returns the exit status
 */
export async function serveAsWorker(options: GatewayOptions): Promise<number> {
  const link = new WorkersLink()
  const signalled = stopSignal()
  try {
    const { log } = options
    const starting = Gateway.start({
      ...link.ports(options),
      log: log.child({ worker: String(process.pid) }),
      link,
      localToken: ownerToken(options.project),
    })
    const gateway = await Promise.race([starting, link.stopRequested.then(() => undefined)])
    // No leader is elected while the gateway stops, so the start may never end. No request is served yet.
    if (!gateway) process.exit()
    link.onReload(reloadOnSignal(() => gateway.reload(), log))
    link.ready(gateway.origins, gateway.localOrigin)
    await Promise.race([link.stopRequested, signalled])
    await gateway.stop()
    return 0
  } catch (error) {
    // The primary process reports it once for all workers.
    await link.failed(reasonOf(error))
    return 1
  } finally {
    process.disconnect()
  }
}
