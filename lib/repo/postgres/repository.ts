import type { Repository, ServerRepositoryOptions } from '../repository.ts'
import { SqlRepository } from '../sql/repository.ts'
import { repositoryMetrics } from '../sql/repository-metrics.ts'
import { Sealer } from '../sql/runs/sealer.ts'
import type { Database } from '../sql/statements/database.ts'
import { createStores, type Stores } from '../sql/stores.ts'
import { Boss } from './boss.ts'
import { holdAlone, postgresCluster } from './cluster.ts'
import { PostgresDatabase } from './database.ts'
import { examineHere } from './examination.ts'
import { FencedDatabase } from './fence.ts'
import { withLock } from './held-lock.ts'
import { assertLayout } from './migrate.ts'
import { displayName } from './pool.ts'
import { SharedWakeUps } from './wake-ups.ts'

const WINDOW = 1000
const MAX_WAIT_MS = 5000
/** Connections for what processes agree on. */
const CONTROL_SIZE = 2
/** What renews a lease tries again by itself, and a gateway that stops has little time. */
const CONTROL_WAIT_MS = 2000

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
  const boss = new Boss({ ...options, name: `The repository ${name}` })
  // Beside the pool: a lease that is not renewed in time is lost.
  const control = new PostgresDatabase({
    ...options,
    size: CONTROL_SIZE,
    maxWaitMs: Math.min(maxLockWaitMs, CONTROL_WAIT_MS),
    onLost: () => undefined,
  })
  const cluster = postgresCluster({ ...options, db: control, name })
  let release: (() => Promise<void>) | undefined
  const metrics = options.metrics && repositoryMetrics(options.metrics)
  const calls = new Calls(metrics?.measure)
  const sealer = new Sealer()
  const storesOn = (database: Database) =>
    calls.of(
      createStores(database, {
        window,
        onDamaged: (error) => log.error({}, `The repository ${name}: ${error.message}`),
        examiner: async () => examineHere,
        sealer,
      }),
    )
  return new SqlRepository({
    ...options,
    stores: storesOn(db),
    sharesRuns: true,
    name,
    cluster,
    process: cluster.process,
    ended: (processes) => cluster.nodes.ended(processes),
    fencedStores: (fence) => storesOn(new FencedDatabase(db, fence)),
    alone: (key, work) => withLock(options, key, work),
    misses: () => db.misses,
    fault: () => (db.isAway ? `The database ${name} cannot be reached` : undefined),
    own: async () => {
      release ??= await holdAlone(cluster, { name, maxWaitMs: maxLockWaitMs })
    },
    wakeUps: new SharedWakeUps(boss),
    onRewrapped: () => cluster.renew(),
    close: async () => {
      await boss.dispose()
      await calls.end()
      await release?.()
      await metrics?.dispose()
      for (const one of [db, control]) await one.close()
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
