import type { Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'

/** The exit status of a command that a signal ended. */
export const FORCED = 130
/** Under npm, Ctrl-C arrives twice: from the terminal and forwarded by npm. */
const SAME_SIGNAL_MS = 500

/** Signal actions of a server process. */
export interface SignalActions {
  stop(): Promise<void>
  /** Applies changes on disk; broken objects keep their last valid version. */
  reload(): Promise<void>
}

/**
 * Waits for SIGTERM or SIGINT, then runs `stop`; a second signal ends the process at once. SIGHUP and SIGUSR2 reload:
 * they come from logrotate, `systemctl reload` or a closing terminal, and must not interrupt responses.
 */
export async function stopOnSignal({ stop, reload }: SignalActions, log: Logger): Promise<void> {
  reloadOnSignal(reload, log)
  log.info({ signal: await stopSignal() }, 'stopping: finishing requests in flight; a second signal exits immediately')
  await stop()
  log.info({}, 'stopped')
}

/**
 * Resolves with the first SIGTERM or SIGINT; a second one ends the process.
 * @param until when it aborts, signals have their usual effect again
 */
export function stopSignal(until?: AbortSignal): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: { signal: NodeJS.Signals; at: number } | undefined
    const onSignal = (signal: NodeJS.Signals) => {
      const at = performance.now()
      first ??= { signal, at }
      if (signal !== first.signal || at - first.at > SAME_SIGNAL_MS) process.exit(FORCED)
      resolve(signal)
    }
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, onSignal)
      until?.addEventListener('abort', () => process.off(name, onSignal), { once: true })
    }
  })
}

/** @returns a function that reloads without a signal */
export function reloadOnSignal(reload: () => Promise<void>, log: Logger): () => void {
  const reloads = new SerialQueue()
  const reloadNext = (signal?: NodeJS.Signals) => {
    log.info({ signal }, 'reloading the configuration')
    void reloads.add(reload).then(
      () => log.info({}, 'configuration reloaded'),
      (error: unknown) => log.error({ err: error }, 'configuration reload failed'),
    )
  }
  for (const name of ['SIGHUP', 'SIGUSR2'] as const) process.on(name, reloadNext)
  return () => reloadNext()
}
