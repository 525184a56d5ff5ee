import { Gateway, type GatewayOptions } from '../gateway.ts'
import { WorkersLink } from '../link/link.ts'
import { reloadOnSignal, stopSignal } from '../project/signals.ts'
import { reasonOf } from '../project/start-error.ts'

/**
 * Serves requests as one of several processes, until the first process says so or a signal comes. A terminal sends its
 * signal to all processes at once, so a worker understands it as well; a second one ends it.
 * @returns the exit status
 */
export async function serveAsWorker(options: GatewayOptions): Promise<number> {
  const link = new WorkersLink()
  const signalled = stopSignal()
  try {
    const { log } = options
    const gateway = await Gateway.start({
      ...link.ports(options),
      log: log.child({ worker: String(process.pid) }),
      link,
    })
    link.onReload(reloadOnSignal(() => gateway.reload(), log))
    link.ready(gateway.origins)
    await Promise.race([link.stopRequested, signalled])
    await gateway.stop()
    return 0
  } catch (error) {
    // The first process tells it, once for all of them.
    await link.failed(reasonOf(error))
    return 1
  } finally {
    process.disconnect()
  }
}
