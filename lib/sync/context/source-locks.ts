import { setTimeout as delay } from 'node:timers/promises'
import type { Disposable } from '../../contract.ts'
import { AwaitedLinks } from './awaited-links.ts'

/** A source of a mapping, or the hop of a chain: `MAPPING/ID`. */
type Place = string

interface Entry {
  /** Settles when the changes that wait their turn have had it. */
  last: Promise<unknown>
  /** Settles when the rows of runs have, which do not exclude each other. */
  rows: Promise<unknown>
  /** How many work on the source, or wait for it. */
  users: number
  active: number
  /** Whether some of those that are or were active overlapped. */
  hasOverlapped: boolean
  /** Carries the source over by its state at that time. */
  again: (() => Promise<unknown>) | undefined
}

/** Takes a place in the queue, until `own` settles; resolves when it is its turn. */
type Turn = (entry: Entry, own: Promise<void>) => Promise<unknown>

interface ActiveRun {
  count: number
  readonly touched: Set<string>
}

/** What a row of a run needs of the locks while it is carried out. */
export interface RowLocks extends Pick<SourceLocks, 'row' | 'ended' | 'isTouched'> {
  readonly awaited: Pick<AwaitedLinks, 'linked' | 'forget'>
}

const MAX_WAIT_MS = 10_000

/**
 * One worker at a time for each source of a mapping, so that no older state follows a newer one to the target:
 * implicit synchronization, and rows of a run. Work inside other work (its chain is not empty) never waits, since two
 * mappings that lead to each other would wait for ever: where it has overlapped with other work, the last one to end
 * carries the source over once more.
 */
export class SourceLocks {
  readonly awaited = new AwaitedLinks()
  readonly #entries = new Map<Place, Entry>()
  readonly #runs = new Map<string, ActiveRun>()

  /**
   * Carries a source over beside runs.
   * @param work reads the source itself
   * @param isNested whether it is inside other work
   * @returns the result of the last time
   */
  async live<T>(mapping: string, key: string, work: () => Promise<T>, isNested: boolean): Promise<T> {
    let result: T | undefined
    const noted = async (): Promise<T> => {
      try {
        result = await work()
        return result
      } finally {
        this.#runs.get(mapping)?.touched.add(key)
      }
    }
    const turn = (entry: Entry, own: Promise<void>): Promise<unknown> => {
      const { last, rows } = entry
      entry.last = own
      return Promise.all([last, rows])
    }
    const first = await this.#run(`${mapping}/${key}`, noted, isNested ? undefined : turn, noted)
    return result ?? first
  }

  /** Works on a row of a run; resolves when that has had its turn. */
  row<T>(mapping: string, key: string, work: () => Promise<T>): Promise<T> {
    const turn = (entry: Entry, own: Promise<void>): Promise<unknown> => {
      entry.rows = Promise.all([entry.rows, own])
      return entry.last
    }
    return this.#run(`${mapping}/${key}`, work, turn, undefined)
  }

  /**
   * Resolves when the changes of a source that are under way have had their turn; or a while later, since the work that asks
   * may be what they wait for.
   */
  async ended(mapping: string, key: string, maxWaitMs = MAX_WAIT_MS): Promise<void> {
    if (!this.isBusy(mapping, key)) return
    const limit = new AbortController()
    const late = delay(maxWaitMs, undefined, { signal: limit.signal, ref: false }).catch(() => undefined)
    await Promise.race([this.row(mapping, key, async () => undefined), late])
    limit.abort()
  }

  /** A run begins: which sources are carried over beside it is noted until it ends. */
  begin(mapping: string): Disposable {
    const run = this.#runs.get(mapping) ?? { count: 0, touched: new Set() }
    this.#runs.set(mapping, run)
    run.count += 1
    let isOpen = true
    return {
      dispose: () => {
        if (!isOpen) return
        isOpen = false
        run.count -= 1
        if (run.count === 0) this.#runs.delete(mapping)
      },
    }
  }

  /** Whether a source was carried over since the run of its mapping began: what the run has read of it may be outdated. */
  isTouched(mapping: string, key: string): boolean {
    return this.#runs.get(mapping)?.touched.has(key) ?? false
  }

  /** Whether a source is being worked on. */
  isBusy(mapping: string, key: string): boolean {
    return this.#entries.has(`${mapping}/${key}`)
  }

  /** How many sources are being worked on. */
  get size(): number {
    return this.#entries.size
  }

  async #run<T>(place: Place, work: () => Promise<T>, turn: Turn | undefined, again: Entry['again']): Promise<T> {
    const entry = this.#entries.get(place) ?? newEntry()
    this.#entries.set(place, entry)
    entry.users += 1
    const { promise, resolve: next } = Promise.withResolvers<void>()
    try {
      await turn?.(entry, promise)
      return await this.#work(entry, work, again)
    } finally {
      next()
      entry.users -= 1
      if (entry.users === 0) this.#entries.delete(place)
    }
  }

  async #work<T>(entry: Entry, work: () => Promise<T>, again: Entry['again']): Promise<T> {
    entry.active += 1
    entry.hasOverlapped ||= entry.active > 1
    entry.again = again ?? entry.again
    try {
      return await work()
    } finally {
      entry.active -= 1
      await this.#repeat(entry)
    }
  }

  /** Ends when nothing has overlapped with the last repetition. */
  async #repeat(entry: Entry): Promise<void> {
    while (entry.active === 0) {
      const { again, hasOverlapped } = entry
      entry.again = undefined
      entry.hasOverlapped = false
      if (!hasOverlapped || !again) return
      entry.active += 1
      entry.again = again
      await again().catch(() => undefined)
      entry.active -= 1
    }
  }
}

const newEntry = (): Entry => ({
  ...{ last: Promise.resolve(), rows: Promise.resolve(), users: 0, active: 0 },
  ...{ hasOverlapped: false, again: undefined },
})
