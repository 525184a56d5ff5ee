import { statSync } from 'node:fs'
import { type FSWatcher, watch } from 'chokidar'
import type { Disposable, Logger } from '../../contract.ts'

export interface WatchOptions {
  readonly dir: string
  readonly log: Logger
  /** Called after anything may have changed; look at the state, there is nothing to learn from the event (R8, R9). */
  readonly onEvent: () => void
  /** Covers file systems that report no events, such as network mounts. */
  readonly safetyScanMs?: number
  /** How often to look once events can no longer be had. */
  readonly pollMs?: number
}

const SAFETY_SCAN_MS = 30_000
const POLL_MS = 1000
const ABSENCE_MS = 100

/**
 * Watches a directory and its direct children, links followed, also when it is removed and made again. Nothing is
 * ignored (docs/pitfalls.md#configmap-swaps): a ConfigMap swap shows only in names that begin with two dots. When the
 * system has no watches left (docs/pitfalls.md#out-of-watches) it says so once and polls. `dispose` resolves when
 * everything is closed; no event comes after it was called (docs/pitfalls.md#events-after-close).
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
    this.#timer = setInterval(this.#look, options.safetyScanMs ?? SAFETY_SCAN_MS)
  }

  async dispose(): Promise<void> {
    clearInterval(this.#timer)
    clearInterval(this.#absence)
    this.#disposal ??= Promise.all([this.#watcher.close(), this.#retired])
    await this.#disposal
  }

  #watch(): FSWatcher {
    // `atomic` would hold deletions back; `depth` keeps a link to a large tree from being walked, and with 0 chokidar
    // loses a directory that is made again.
    const options = { ignoreInitial: true, atomic: false, depth: 1, ignorePermissionErrors: true }
    const watcher = watch(this.#options.dir, options)
    // `raw` comes up to 100 ms before the event that chokidar makes of it; `ready`: it may have changed until now.
    watcher.on('all', this.#look).on('raw', this.#look).on('ready', this.#look)
    return watcher.on('error', (error) => this.#poll(error))
  }

  readonly #look = (): void => {
    if (this.#disposal) return
    this.#follow()
    this.#options.onEvent()
  }

  /** chokidar misses a directory that comes back while it takes note that it went. */
  readonly #lookForReturn = (): void => {
    if (identityOf(this.#options.dir) !== undefined) this.#look()
  }

  /** chokidar stays with the directory it began with when a link on the way to it turns. */
  #follow(): void {
    const identity = identityOf(this.#options.dir)
    if (identity === this.#watched) return
    // Also when it is gone: chokidar lets go of it then, so that even the very same directory has to be taken up anew.
    this.#watched = identity
    clearInterval(this.#absence)
    if (identity === undefined) {
      this.#absence = setInterval(this.#lookForReturn, ABSENCE_MS)
      return
    }
    this.#retired = Promise.all([this.#retired, this.#watcher.close()]).then(() => undefined)
    this.#watcher = this.#watch()
  }

  #poll(error: unknown): void {
    if (this.#polling || this.#disposal) return
    this.#polling = true
    const { dir, log, pollMs = POLL_MS } = this.#options
    log.warn({ err: error, dir }, `cannot watch ${dir}, looking every ${pollMs} ms instead: ${hintOf(error)}`)
    clearInterval(this.#timer)
    this.#timer = setInterval(this.#look, pollMs)
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
