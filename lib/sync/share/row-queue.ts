import type { WaitingRow } from '../../repo/runs/run-rows.ts'
import type { RunContext } from '../context/run-context.ts'

const MAX_ROWS = 500
/** A row that implicit synchronization waits for may come at the end of its window. */
const WINDOW_MS = 1000
const MIN_ROWS = 50

/** Rows of one phase that one node carries out together. */
export type Window = readonly WaitingRow[]

/** How many rows a node gets at a time: about as many as it carries out in a second. */
export class WindowSize {
  rows = MIN_ROWS

  /** @param ms how long so many rows have taken */
  note(rows: number, ms: number): void {
    const now = Math.round((rows * WINDOW_MS) / Math.max(1, ms))
    this.rows = Math.min(MAX_ROWS, 4 * this.rows, Math.max(MIN_ROWS, now))
  }
}

/** Whether so many rows wait that sharing them is worth it: two windows. */
export const isWorthSharing = async ({ rows }: RunContext): Promise<boolean> =>
  (await rows.waitingPlaces(0, 2 * MIN_ROWS)).length === 2 * MIN_ROWS

/**
 * The waiting rows of a run in windows, for several nodes at the same time. No row of a phase begins before those of the one
 * before it have ended.
 */
export class RowQueue {
  readonly #context: RunContext
  /** The next rows of the plan. */
  #read: WaitingRow[] = []
  #reading: Promise<void> | undefined
  #after = 0
  #isEnd = false
  /** Windows that only the process of the run carries out. */
  readonly #own: Window[] = []
  readonly #active = new Set<Window>()
  #change = Promise.withResolvers<void>()
  #isStopped = false

  constructor(context: RunContext) {
    this.#context = context
  }

  /** Lets nothing more begin. */
  stop(): void {
    this.#isStopped = true
    this.#changed()
  }

  /**
   * The next window, when it may begin; undefined = there is none for this node.
   * @param size max rows
   * @param suits for another node: whether it may carry out a window now, `later`, or only the process of the run
   */
  async next(size: number, suits?: (window: Window) => 'now' | 'later' | 'never'): Promise<Window | undefined> {
    for (;;) {
      if (this.#isStopped) return undefined
      const kept = suits ? undefined : this.#own[0]
      if (kept && this.#mayBegin(kept)) return this.#begin(this.#own.shift() ?? kept)
      if (this.#read.length === 0 && !this.#isEnd) {
        this.#reading ??= this.#readOn()
        await this.#reading
        continue
      }
      const window = this.#front(size)
      if (window.length > 0 && this.#mayBegin(window)) {
        const when = suits?.(window) ?? 'now'
        if (when !== 'later') this.#read.splice(0, window.length)
        if (when === 'now') return this.#begin(window)
        if (when === 'never') {
          this.#own.push(window)
          this.#changed()
          continue
        }
      }
      const isOver = window.length === 0 && (suits !== undefined || (this.#own.length === 0 && this.#active.size === 0))
      if (isOver) return undefined
      await this.#change.promise
    }
  }

  /** The rows of a window have ended. @param left those that the process of the run is to carry out */
  end(window: Window, left: Window = []): void {
    this.#active.delete(window)
    if (left.length > 0) this.#own.push(left)
    this.#changed()
  }

  /** Something has become known that `suits` depends on. */
  #changed(): void {
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }

  #begin(window: Window): Window {
    this.#active.add(window)
    return window
  }

  #mayBegin(window: Window): boolean {
    const [phase] = window.map((row) => row.phase)
    const before = this.#own[0] === window ? [...this.#active] : [...this.#active, ...this.#own]
    return before.every((one) => one[0]?.phase === phase) && !this.#waitsForAnswer(window)
  }

  /** What found targets do not show is left alone, once the first answer has told what targets do not show. */
  #waitsForAnswer(window: Window): boolean {
    const { created, updated } = this.#context.statistics
    const isFirst = created + updated === 0 && window.some(({ action }) => action === 'LINK')
    return (
      isFirst && [...this.#active].some((one) => one.some(({ action }) => action === 'CREATE' || action === 'UPDATE'))
    )
  }

  /** The rows at the front that are of one phase; of the last rows not more than half, which keeps all nodes busy to the end. */
  #front(size: number): Window {
    const [first] = this.#read
    const other = this.#read.findIndex(({ phase }) => phase !== first?.phase)
    const count = other < 0 ? this.#read.length : other
    return this.#read.slice(0, Math.min(size, count, Math.max(MIN_ROWS, Math.ceil(count / 2))))
  }

  async #readOn(): Promise<void> {
    try {
      const rows = await this.#context.rows.waitingPlaces(this.#after, 2 * MAX_ROWS)
      this.#isEnd = rows.length === 0
      this.#after = rows.at(-1)?.key ?? this.#after
      this.#read.push(...rows)
    } finally {
      this.#reading = undefined
    }
  }
}
