import { setTimeout as delay } from 'node:timers/promises'
import { getConstructionPlans, PgBoss } from 'pg-boss'
import manifest from 'pg-boss/package.json' with { type: 'json' }
import type { Disposable, JsonObject, Logger } from '../../contract.ts'
import type { SendOptions, SharedJob, SharedJobs, SharedQueue, SharedWorkOptions } from '../queue/shared-jobs.ts'
import { exceptionOf, isConnectionLost } from './failure.ts'
import { lockNumber } from './lock-number.ts'
import { type Client, foreignOptions, type PoolOptions } from './pool.ts'

/** The version of the tables that this release of pg-boss uses. */
export const JOB_LAYOUT = manifest.pgboss.schema

/** Connections of a process: one listens, the others fetch, send and maintain. */
const SIZE = 3
/** Longest time until a job is seen whose announcement was lost, in seconds. */
const POLL_SECONDS = 1
const MAINTENANCE_SECONDS = 600
const RETRY_MS = 1000
/** How long jobs under way may take when the process stops. */
const STOP_MS = 10_000
/** An outage fails every poll: it is logged once in this time. */
const QUIET_MS = 60_000
/** The longest name of a schema that pg-boss takes, in bytes. */
const MAX_NAME = 50

export interface BossOptions extends PoolOptions {
  readonly log: Logger
  /** Names the database in messages. */
  readonly name: string
}

/** Jobs of pg-boss, in a schema beside that of the repository. It connects when it is first used. */
export class Boss implements SharedJobs, Disposable {
  readonly #options: BossOptions
  #boss: PgBoss | undefined
  #starting: Promise<PgBoss> | undefined
  readonly #queues = new Map<string, Promise<void>>()
  readonly #workers = new Set<Disposable>()
  #isDisposed = false
  #loggedAt = Number.NEGATIVE_INFINITY

  constructor(options: BossOptions) {
    this.#options = options
  }

  async send(queue: SharedQueue, data: JsonObject, { key }: SendOptions = {}): Promise<string | null> {
    try {
      const boss = await this.#ready(queue)
      return await boss.send(queue.name, data, key === undefined ? {} : { singletonKey: key })
    } catch (error) {
      throw exceptionOf(error)
    }
  }

  work(
    queue: SharedQueue,
    handler: (jobs: readonly SharedJob[]) => Promise<void>,
    { batchSize = 1, concurrency = 1 }: SharedWorkOptions = {},
  ): Disposable {
    const end = new AbortController()
    const options = {
      ...{ batchSize, localConcurrency: concurrency, burstWhenBatchFull: true },
      ...{ pollingIntervalSeconds: POLL_SECONDS, notifyPollingIntervalSeconds: POLL_SECONDS },
    }
    const begin = (boss: PgBoss) =>
      boss.work<JsonObject>(queue.name, options, (jobs) => this.#carryOut(queue, jobs, handler))
    const begun = this.#begin(queue, begin, end.signal)
    const worker: Disposable = {
      dispose: async () => {
        end.abort()
        this.#workers.delete(worker)
        const id = await begun
        if (id !== undefined) await this.#boss?.offWork(queue.name, { id, wait: true })
      },
    }
    this.#workers.add(worker)
    return worker
  }

  /** Waits for jobs under way; those that take too long are carried out again by another process. */
  async dispose(): Promise<void> {
    this.#isDisposed = true
    const late = delay(STOP_MS, undefined, { ref: false })
    await Promise.race([Promise.all([...this.#workers].map((worker) => worker.dispose())), late])
    await this.#starting?.catch(() => undefined)
    await this.#boss?.stop({ timeout: STOP_MS })
  }

  /** @returns the id of the worker; undefined when it has ended before it began */
  async #begin(
    queue: SharedQueue,
    begin: (boss: PgBoss) => Promise<string>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    while (!signal.aborted && !this.#isDisposed) {
      try {
        const boss = await this.#ready(queue)
        return signal.aborted ? undefined : await begin(boss)
      } catch (error) {
        this.#failed(error)
        await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined)
      }
    }
    return undefined
  }

  async #carryOut(
    queue: SharedQueue,
    jobs: readonly SharedJob[],
    handler: (jobs: readonly SharedJob[]) => Promise<void>,
  ): Promise<void> {
    try {
      await handler(jobs)
    } catch (error) {
      const { log, name } = this.#options
      log.error({ err: error, queue: queue.name }, `${name}: a job failed`)
      // pg-boss stores it: it must not hold what the job is about.
      throw new Error('it failed: see the log')
    }
  }

  async #ready(queue: SharedQueue): Promise<PgBoss> {
    if (this.#isDisposed) throw new Error('the database is closed')
    this.#starting ??= this.#start()
    const boss = await this.#starting
    const known = this.#queues.get(queue.name)
    if (known) await known
    else {
      const created = boss.createQueue(queue.name, { ...queue, notify: true })
      this.#queues.set(queue.name, created)
      await created.catch((error: unknown) => {
        this.#queues.delete(queue.name)
        throw error
      })
    }
    return boss
  }

  async #start(): Promise<PgBoss> {
    const boss = new PgBoss({
      ...foreignOptions(this.#options),
      schema: quoted(jobSchema(this.#options.schema)),
      max: SIZE,
      ...{ migrate: false, createSchema: false, supervise: true, schedule: false, useListenNotify: true },
      ...{ maintenanceIntervalSeconds: MAINTENANCE_SECONDS, registerInstance: false },
      openTelemetry: { enabled: false },
    })
    boss.on('error', (error) => this.#failed(error))
    boss.on('warning', ({ data }) => this.#warn(String((data as { readonly type?: unknown }).type ?? 'unknown')))
    try {
      await boss.start()
      this.#boss = boss
      return boss
    } catch (error) {
      this.#starting = undefined
      await boss.stop({ graceful: false }).catch(() => undefined)
      throw error
    }
  }

  #warn(type: string): void {
    this.#options.log.warn({ type }, `${this.#options.name}: pg-boss warns: ${type}`)
  }

  /** Messages of the database may hold values: the code tells. */
  #failed(error: unknown): void {
    const now = performance.now()
    if (now - this.#loggedAt < QUIET_MS) return
    this.#loggedAt = now
    const { log, name } = this.#options
    const { code, name: kind } = error as { readonly code?: unknown; readonly name?: unknown }
    const facts = { code: code ?? null, kind: kind ?? null }
    if (isConnectionLost(error)) log.warn(facts, `${name}: jobs wait, the database cannot be reached`)
    else log.error(facts, `${name}: pg-boss has failed`)
  }
}

/** The schema of the jobs of a repository. */
export function jobSchema(schema = 'public'): string {
  const name = `${schema}_jobs`
  const isTaken = Buffer.byteLength(name) <= MAX_NAME && !/["'%$.\\\p{Cc}]/u.test(name)
  return isTaken ? name : `jobs_${BigInt.asUintN(64, lockNumber(schema, 'jobs')).toString(16)}`
}

const quoted = (schema: string): string => `"${schema}"`

type Session = Pick<Client, 'query'>

/** The version of the tables of jobs; undefined when there are none. */
export async function jobLayoutOf(session: Session, schema: string | undefined): Promise<number | undefined> {
  const own = quoted(jobSchema(schema))
  const found = await session.query(`select to_regclass('${own}.version')::text as found`)
  if ((found.rows[0] as { found: string | null }).found === null) return undefined
  const { rows } = await session.query(`select version from ${own}.version`)
  return (rows[0] as { version: number } | undefined)?.version
}

/**
 * Creates the tables of jobs, or upgrades them. Called by one process at a time.
 * @param layout what `jobLayoutOf` has found: at most `JOB_LAYOUT`
 */
export async function migrateJobs(session: Session, options: PoolOptions, layout: number | undefined): Promise<void> {
  const schema = quoted(jobSchema(options.schema))
  if (layout === JOB_LAYOUT) return
  if (layout === undefined) {
    await session.query(getConstructionPlans(schema))
    return
  }
  const boss = new PgBoss({
    ...foreignOptions({ ...options, statementTimeoutMs: 0 }),
    ...{ schema, max: SIZE, migrate: true, createSchema: false, supervise: false, schedule: false },
    registerInstance: false,
    openTelemetry: { enabled: false },
  })
  boss.on('error', () => undefined)
  try {
    await boss.start()
    // Indexes are built beside the transaction of the migration.
    for (;;) {
      const states = await boss.getBamStatus()
      const countOf = (...wanted: string[]) =>
        states.filter(({ status }) => wanted.includes(status)).reduce((sum, { count }) => sum + Number(count), 0)
      if (countOf('failed') > 0) throw new Error('an index of the tables of jobs was not built; run it again')
      if (countOf('pending', 'in_progress') === 0) return
      await delay(RETRY_MS)
    }
  } finally {
    await boss.stop({ timeout: STOP_MS })
  }
}
