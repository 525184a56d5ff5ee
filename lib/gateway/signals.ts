import type { Logger } from '../contract.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
const FORCED = 130

/**
 * Waits for the first SIGTERM or SIGINT and then for `stop`; a second signal ends the process at once.
 */
export async function stopOnSignal(stop: () => Promise<void>, log: Logger): Promise<void> {
  let onSignal: ((signal: NodeJS.Signals) => void) | undefined
  const first = new Promise<NodeJS.Signals>((resolve) => {
    let told = false
    onSignal = (signal) => {
      if (told) process.exit(FORCED)
      told = true
      resolve(signal)
    }
    for (const name of SIGNALS) process.on(name, onSignal)
  })
  log.info({ signal: await first }, 'stopping: requests under way are finished, a second signal ends at once')
  await stop()
  for (const name of SIGNALS) if (onSignal) process.off(name, onSignal)
  log.info({}, 'stopped')
}
