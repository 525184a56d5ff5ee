import { statSync } from 'node:fs'
import { type FSWatcher, watch } from 'chokidar'
import type { Disposable, Logger } from '../../contract.ts'

export interface WatchOptions {
  readonly dir: string
  readonly log: Logger
  /** Called after any possible change. Read the state: events are unreliable. */
  readonly onEvent: () => void
  /** Interval of scans for file systems without events, such as network mounts. */
  readonly safetyScanMs?: number
  /** Polling interval when events are not available. */
  readonly pollMs?: number
}

const SAFETY_SCAN_MS = 30_000
const POLL_MS = 1000
const ABSENCE_MS = 100

/**
 * Watches a directory and its direct children, following links, also when the directory is deleted and recreated.
 * Ignores no file names: ConfigMap swaps only show in names that start with two dots
 * (docs/pitfalls.md#configmap-swaps). Without free inotify watches it logs a warning and polls
 * (docs/pitfalls.md#out-of-watches). `dispose` resolves when everything is closed; no event follows
 * (docs/pitfalls.md#events-after-close).
 */
export const watchDirectory = (options: WatchOptions): Disposable => new DirectoryWatcher(options)

class DirectoryWatcher implements Disposable {
  readonly #options: WatchOptions
  #watcher: FSWatcher
  #watched: string | undefined
  #timer: NodeJS.Timeout
  #absence: NodeJS.Timeout | undefined
  #polling = false
  #retired: Promise<void> = Promise.resolve()
  #disposal: Promise<unknown> | undefined

  constructor(options: WatchOptions) {
    this.#options = options
    this.#watched = identityOf(options.dir)
    this.#watcher = this.#watch()
    this.#timer = setInterval(this.#onEvent, options.safetyScanMs ?? SAFETY_SCAN_MS)
  }

  async dispose(): Promise<void> {
    clearInterval(this.#timer)
    clearInterval(this.#absence)
    this.#disposal ??= Promise.all([this.#watcher.close(), this.#retired])
    await this.#disposal
  }

  #watch(): FSWatcher {
    // `atomic` would delay deletions. `depth` limits links to large trees; with 0, chokidar loses a recreated
    // directory.
    const options = { ignoreInitial: true, atomic: false, depth: 1, ignorePermissionErrors: true }
    const watcher = watch(this.#options.dir, options)
    // `raw` comes up to 100 ms before the derived event. `ready`: the directory may have changed during startup.
    watcher.on('all', this.#onEvent).on('raw', this.#onEvent).on('ready', this.#onEvent)
    return watcher.on('error', (error) => this.#poll(error))
  }

  readonly #onEvent = (): void => {
    if (this.#disposal) return
    this.#follow()
    this.#options.onEvent()
  }

  /** chokidar misses a directory that is recreated while it processes the deletion. */
  readonly #checkReturn = (): void => {
    if (identityOf(this.#options.dir) !== undefined) this.#onEvent()
  }

  /** chokidar keeps watching the old directory when a link in the path changes. */
  #follow(): void {
    const identity = identityOf(this.#options.dir)
    if (identity === this.#watched) return
    // Also applies to a deleted directory: chokidar stops watching it, so even the same directory needs a new watcher.
    this.#watched = identity
    clearInterval(this.#absence)
    if (identity === undefined) {
      this.#absence = setInterval(this.#checkReturn, ABSENCE_MS)
      return
    }
    this.#retired = Promise.all([this.#retired, this.#watcher.close()]).then(() => undefined)
    this.#watcher = this.#watch()
  }

  #poll(error: unknown): void {
    if (this.#polling || this.#disposal) return
    this.#polling = true
    const { dir, log, pollMs = POLL_MS } = this.#options
    log.warn({ err: error, dir }, `cannot watch ${dir}, polling every ${pollMs} ms instead: ${hintOf(error)}`)
    clearInterval(this.#timer)
    this.#timer = setInterval(this.#onEvent, pollMs)
  }
}

function identityOf(dir: string): string | undefined {
  try {
    const { dev, ino } = statSync(dir, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'no inotify watches are left, raise fs.inotify.max_user_watches',
  EMFILE: 'too many open files, raise the limit (ulimit -n, fs.inotify.max_user_instances)',
}

function hintOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return HINTS[code ?? ''] ?? message
}
