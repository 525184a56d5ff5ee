import type { Repository, ServerRepositoryOptions } from '../repository.ts'
import { SqlRepository } from '../sql/repository.ts'
import { repositoryMetrics } from '../sql/repository-metrics.ts'
import { createStores, type Stores } from '../sql/stores.ts'
import { Boss } from './boss.ts'
import { PostgresDatabase } from './database.ts'
import { examineHere } from './examination.ts'
import { assertLayout } from './migrate.ts'
import { OwnerLock } from './owner-lock.ts'
import { displayName } from './pool.ts'
import { SharedWakeUps } from './wake-ups.ts'

const WINDOW = 1000
const MAX_WAIT_MS = 5000

/**
 * Opens a repository on a server whose tables are those of this release.
 * @throws Error that names the server and says why it cannot be used
 */
export async function openPostgresRepository(options: ServerRepositoryOptions): Promise<Repository> {
  const { log, window = WINDOW, maxLockWaitMs = MAX_WAIT_MS } = options
  const name = displayName(options)
  const db = new PostgresDatabase({
    ...options,
    maxWaitMs: maxLockWaitMs,
    onLost: (error) => log.warn({ err: error }, `The repository ${name}: a connection was lost`),
  })
  const { pool } = db
  try {
    await assertLayout(pool, options.schema)
  } catch (error) {
    await pool.end()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The repository ${name} cannot be used: ${reason}`, { cause: error })
  }
  let owner: OwnerLock | undefined
  const boss = new Boss({ ...options, name: `The repository ${name}` })
  const metrics = options.metrics && repositoryMetrics(options.metrics)
  const calls = new Calls(metrics?.measure)
  const stores = createStores(db, {
    window,
    onDamaged: (error) => log.error({}, `The repository ${name}: ${error.message}`),
    examiner: async () => examineHere,
  })
  return new SqlRepository({
    ...options,
    stores: calls.of(stores),
    name,
    fault: () => owner?.fault ?? (db.isAway ? `The database ${name} cannot be reached` : undefined),
    own: async () => {
      owner ??= await OwnerLock.take({ ...options, name, maxWaitMs: maxLockWaitMs })
      db.guard(owner)
    },
    sharedJobs: boss,
    wakeUps: new SharedWakeUps(boss),
    close: async () => {
      await boss.dispose()
      await calls.end()
      await owner?.release()
      await metrics?.dispose()
      db.close()
      if (!pool.ending) await pool.end()
    },
  })
}

/** Measures calls of stores, and lets those that are under way end before the repository closes. */
class Calls {
  readonly #measure: ((store: string, begin: number) => void) | undefined
  readonly #running = new Set<Promise<unknown>>()
  #hasEnded = false

  constructor(measure?: (store: string, begin: number) => void) {
    this.#measure = measure
  }

  of(stores: Stores): Stores {
    const wrapped = Object.entries(stores).map(([name, store]) => [name, this.#wrapped(name, store as object)])
    return Object.fromEntries(wrapped) as Stores
  }

  /** Resolves when what is under way has ended; later calls fail. */
  async end(): Promise<void> {
    this.#hasEnded = true
    await Promise.allSettled(this.#running)
  }

  #wrapped(name: string, store: object): object {
    return new Proxy(store, {
      get: (target, member) => {
        const method = Reflect.get(target, member, target) as unknown
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => this.#call(name, () => method.apply(target, args) as Promise<unknown>)
      },
    })
  }

  async #call(name: string, call: () => Promise<unknown>): Promise<unknown> {
    if (this.#hasEnded) throw new Error('the database is closed')
    const begin = performance.now()
    const running = call()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
      this.#measure?.(name, begin)
    }
  }
}
