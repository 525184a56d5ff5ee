import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Disposable } from '../../contract.ts'
import { signatureOf } from './file-read.ts'

/** Polling interval; twenty checks take less than 0.1 ms. */
const POLL_MS = 400
/** A younger file may change again within the same timestamp, so it is checked once more. */
const MIN_AGE_MS = 100

/**
 * Watches single files and small directories, which may appear and disappear, by polling. File system events would
 * require watching their parents with all their content, such as `/etc`.
 */
export class PathWatcher implements Disposable {
  readonly #onChange: () => void
  readonly #timer: NodeJS.Timeout
  /** The last state of each path. */
  #seen: ReadonlyMap<string, string> = new Map()

  constructor(onChange: () => void) {
    this.#onChange = onChange
    this.#timer = setInterval(() => this.#poll(), POLL_MS)
    this.#timer.unref()
  }

  /** Replaces the watched paths. */
  follow(paths: readonly string[]): void {
    this.#seen = new Map(paths.map((path) => [path, this.#seen.get(path) ?? stateOf(path)]))
  }

  dispose(): void {
    clearInterval(this.#timer)
  }

  #poll(): void {
    const now = new Map([...this.#seen.keys()].map((path) => [path, stateOf(path)]))
    const isChanged = [...now].some(([path, state]) => state !== this.#seen.get(path))
    this.#seen = now
    if (isChanged) this.#onChange()
  }
}

/** The state of a file, or of a directory with its direct children. Subdirectories are ignored. */
function stateOf(path: string): string {
  try {
    const stats = statSync(path, { bigint: true })
    const own = `${signatureOf(stats)}${isYoung(stats) ? Date.now() : ''}`
    if (!stats.isDirectory()) return own
    const children = readdirSync(path).filter((name) => !name.startsWith('..'))
    return [own, ...children.map((name) => `${name} ${fileState(join(path, name))}`)].join('\n')
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

function fileState(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats?.isFile() ? `${signatureOf(stats)}${isYoung(stats) ? Date.now() : ''}` : ''
}

const isYoung = ({ mtimeMs, ctimeMs }: { mtimeMs: bigint; ctimeMs: bigint }): boolean =>
  Math.abs(Date.now() - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs)) < MIN_AGE_MS
