import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { ResourceException } from '../../../crest/errors.ts'
import type { WriteOptions } from '../../sql/statements/database.ts'
import type { Session } from './session.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { transaction } from './transaction.ts'

/** Writes that share one commit: it waits for the disk once for all of them. */
const MAX_GROUP = 50
/** Back-off while another process holds the lock. */
const FIRST_DELAY_MS = 1
const MAX_DELAY_MS = 50
const RETRY_AFTER_MS = 1000

/** Primary result codes of SQLite: https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

export type Write<T> = (session: Session) => T

interface Entry {
  readonly write: Write<unknown>
  readonly isDurable: boolean
  readonly deadline: number
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What one write comes to. */
type Settle = () => void

/**
 * Runs writes one after the other, each as if in a transaction of its own. Writes that wait together share a commit. While
 * another process has locked the database they wait, and reads go on.
 */
export class WriteQueue {
  readonly #file: SqliteFile
  readonly #maxWaitMs: number
  #waiting: Entry[] = []
  #isRunning = false

  constructor(file: SqliteFile, maxWaitMs: number) {
    this.#file = file
    this.#maxWaitMs = maxWaitMs
  }

  /**
   * A write that is not durable survives the end of the process, but not a power failure, unless a durable commit follows
   * it. The file is consistent in each case (WAL mode).
   * @throws what `write` throws; ResourceException 503 when the database stays locked
   */
  run<T>(write: Write<T>, { isDurable = true }: WriteOptions = {}): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const deadline = performance.now() + this.#maxWaitMs
    this.#waiting.push({ write, isDurable, deadline, resolve, reject })
    if (!this.#isRunning) void this.#work()
    return promise as Promise<T>
  }

  /** In turns: what has been sent meanwhile is taken into the next group. */
  async #work(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      await turn()
      await this.#commit(this.#nextGroup())
    }
    this.#isRunning = false
  }

  #nextGroup(): Entry[] {
    const isDurable = this.#waiting[0]?.isDurable
    const end = this.#waiting.findIndex((entry) => entry.isDurable !== isDurable)
    return this.#waiting.splice(0, Math.min(MAX_GROUP, end < 0 ? this.#waiting.length : end))
  }

  async #commit(group: readonly Entry[]): Promise<void> {
    try {
      for (const settle of await this.#whileLocked(group)) settle()
    } catch (error) {
      // The one that made the transaction of all fail fails alone.
      if (group.length > 1 && !isLocked(error)) for (const entry of group) await this.#commit([entry])
      else for (const { reject } of group) reject(isLocked(error) ? lockedException(error) : error)
    }
  }

  async #whileLocked(group: readonly Entry[]): Promise<Settle[]> {
    const deadline = Math.min(...group.map((entry) => entry.deadline))
    for (let wait = FIRST_DELAY_MS; ; wait = Math.min(2 * wait, MAX_DELAY_MS)) {
      try {
        return this.#transaction(group)
      } catch (error) {
        if (!isLocked(error) || performance.now() >= deadline) throw error
        await delay(wait)
      }
    }
  }

  #transaction(group: readonly Entry[]): Settle[] {
    const file = this.#file
    const isDurable = group[0]?.isDurable ?? true
    if (!isDurable) file.run('pragma synchronous = normal')
    try {
      if (group.length > 1) return transaction(file, (session) => group.map((entry) => runOne(session, entry)))
      return transaction(file, (session) => group.map(({ write, resolve }) => settling(resolve, write(session))))
    } finally {
      if (!isDurable) file.run('pragma synchronous = full')
    }
  }
}

function runOne(session: Session, { write, resolve, reject }: Entry): Settle {
  session.run('savepoint one')
  try {
    const result = write(session)
    session.run('release one')
    return settling(resolve, result)
  } catch (error) {
    // This throws when SQLite has rolled back all of the transaction, as it does when the disk is full.
    session.run('rollback to one')
    session.run('release one')
    return settling(reject, error)
  }
}

const settling =
  (settle: (value: unknown) => void, value: unknown): Settle =>
  () =>
    settle(value)

/** Whether another connection holds a lock. */
export function isLocked(error: unknown): boolean {
  const code = (error as { readonly errcode?: unknown } | undefined)?.errcode
  return typeof code === 'number' && [SQLITE_BUSY, SQLITE_LOCKED].includes(code & 0xff)
}

export const lockedException = (cause: unknown): ResourceException =>
  new ResourceException(503, 'The database is locked by another process', { retryAfterMs: RETRY_AFTER_MS, cause })
