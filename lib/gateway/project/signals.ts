import type { Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'

const FORCED = 130
/** Ctrl-C reaches the process twice under npm: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 500

/** What a process that serves requests does on signals. */
export interface SignalActions {
  stop(): Promise<void>
  /** Takes everything up again that may have changed on disk; what is broken stays as it was. */
  reload(): Promise<void>
}

/**
 * Waits for SIGTERM or SIGINT and then for `stop`; a second one ends the process at once. SIGHUP and SIGUSR2 reload: they
 * come from logrotate, `systemctl reload`, or a terminal that is closed, and must not cut answers off.
 */
export async function stopOnSignal({ stop, reload }: SignalActions, log: Logger): Promise<void> {
  reloadOnSignal(reload, log)
  log.info({ signal: await stopSignal() }, 'stopping: requests under way are finished, a second signal ends at once')
  await stop()
  log.info({}, 'stopped')
}

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: { signal: NodeJS.Signals; at: number } | undefined
    const onSignal = (signal: NodeJS.Signals) => {
      const at = performance.now()
      first ??= { signal, at }
      if (signal !== first.signal || at - first.at > SAME_SIGNAL_MS) process.exit(FORCED)
      resolve(signal)
    }
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, onSignal)
  })
}

/** @returns does the same without a signal */
export function reloadOnSignal(reload: () => Promise<void>, log: Logger): () => void {
  const reloads = new SerialQueue()
  const reloadNext = (signal?: NodeJS.Signals) => {
    log.info({ signal }, 'reloading the configuration')
    void reloads.add(reload).then(
      () => log.info({}, 'the configuration is reloaded'),
      (error: unknown) => log.error({ err: error }, 'the configuration could not be reloaded'),
    )
  }
  for (const name of ['SIGHUP', 'SIGUSR2'] as const) process.on(name, reloadNext)
  return () => reloadNext()
}
