import { Gateway, type GatewayOptions } from './gateway.ts'
import { reasonOf } from './start-error.ts'
import { WorkersLink } from './workers-link.ts'

const FORCED = 130

/**
 * Serves requests as one of several processes, until the first process says so or a signal comes. A terminal sends its
 * signal to all processes at once, so a worker understands it as well; a second one ends it.
 * @returns the exit status
 */
export async function serveAsWorker(options: GatewayOptions): Promise<number> {
  const link = new WorkersLink()
  const signalled = firstSignal()
  try {
    const { log } = options
    const gateway = await Gateway.start({
      ...link.ports(options),
      log: log.child({ worker: String(process.pid) }),
      link,
    })
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

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let told = false
    const onSignal = () => {
      if (told) process.exit(FORCED)
      told = true
      resolve()
    }
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, onSignal)
  })
}
