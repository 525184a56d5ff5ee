import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Disposable } from '../../contract.ts'
import { signatureOf } from './file-read.ts'

/** A change is seen within this time; twenty looks cost less than a tenth of a millisecond. */
const POLL_MS = 400
/** What is younger may change again without a new time, so it is looked at once more. */
const YOUNG_MS = 100

/**
 * Watches single files and small directories that may come and go, wherever they lie, by looking. Events of the file
 * system would have to be had from their parents: a project, or `/etc`, with all that is in it.
 */
export class PathWatcher implements Disposable {
  readonly #onChange: () => void
  readonly #timer: NodeJS.Timeout
  /** What each path looked like. */
  #seen: ReadonlyMap<string, string> = new Map()

  constructor(onChange: () => void) {
    this.#onChange = onChange
    this.#timer = setInterval(() => this.#look(), POLL_MS)
    this.#timer.unref()
  }

  /** These paths from now on, and no others. */
  follow(paths: readonly string[]): void {
    this.#seen = new Map(paths.map((path) => [path, this.#seen.get(path) ?? stateOf(path)]))
  }

  dispose(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = new Map([...this.#seen.keys()].map((path) => [path, stateOf(path)]))
    const isChanged = [...now].some(([path, state]) => state !== this.#seen.get(path))
    this.#seen = now
    if (isChanged) this.#onChange()
  }
}

/** Of a directory, with its direct children; a subdirectory and what is in it do not count. */
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
  Math.abs(Date.now() - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs)) < YOUNG_MS
