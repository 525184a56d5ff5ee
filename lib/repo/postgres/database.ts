import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { serviceUnavailable } from '../../crest/errors.ts'
import type { Fence } from '../repository.ts'
import type { Database, Lock, WriteOptions } from '../sql/statements/database.ts'
import type { Given, Statement, Work } from '../sql/statements/work.ts'
import { postgresDialect } from './dialect.ts'
import { exceptionOf, isConflict, isConnectionLost } from './failure.ts'
import { lockNumber } from './lock-number.ts'
import { native } from './placeholders.ts'
import { type Client, createPool, type Pool, type PoolOptions } from './pool.ts'

/** Back-off while the server is away, or others are in the way. */
const FIRST_DELAY_MS = 5
const MAX_DELAY_MS = 250
const PROBE_MS = 1000

export interface PostgresDatabaseOptions extends PoolOptions {
  /** How long a server that is away is waited for, in milliseconds; the leader waits as long as it leads. */
  readonly maxWaitMs: number
  readonly onLost: (error: Error) => void
}

export interface PostgresWriteOptions extends WriteOptions {
  /** Nothing is written once another leader has begun its epoch. */
  readonly fence?: Fence | undefined
}

/**
 * Runs work on a server. Each statement waits for its answer, and other work goes on meanwhile: transactions are READ
 * COMMITTED, and hold the locks that their work names. What was not committed when the server went away is done again
 * when it is back; of what was about to be committed, it tells whether it was.
 */
export class PostgresDatabase implements Database {
  readonly dialect = postgresDialect
  readonly pool: Pool
  readonly #options: PostgresDatabaseOptions
  /** Identifies this process among those that use the database. */
  readonly process = randomUUID()
  /** How often the server could not be reached. */
  misses = 0
  #epoch = 0
  /** Asks a server that is away whether it is back. */
  #probe: NodeJS.Timeout | undefined

  constructor(options: PostgresDatabaseOptions) {
    this.#options = options
    this.pool = createPool(options, (client) => this.#checkScratch(client))
    // A connection that is not in use: the next statement gets another one.
    // While a transaction has it, what waits for an answer fails; without a listener, the process would end.
    this.pool.on('connect', (client) => client.on('error', () => undefined))
    this.pool.on('error', (error) => {
      options.onLost(error)
      void this.#ask()
    })
  }

  /** Whether the server did not answer when it was last asked. */
  get isAway(): boolean {
    return this.#probe !== undefined
  }

  async close(): Promise<void> {
    clearInterval(this.#probe)
    if (!this.pool.ending) await this.pool.end()
  }

  get epoch(): number {
    return this.#epoch
  }

  async run<T>(work: Work<T>, fence?: Fence): Promise<T> {
    const attempts = this.#attempts(fence)
    let step = work.next()
    while (!step.done) {
      const statement = step.value
      step = work.next(await attempts.of(() => given(this.pool, statement), isQuery(statement)))
    }
    return step.value
  }

  async write<T>(work: () => Work<T>, { locks = [], fence }: PostgresWriteOptions = {}): Promise<T> {
    const leaderEpoch = fence?.epoch
    const epoch = leaderEpoch === undefined ? 'null::bigint' : '(select epoch from leader)'
    const begin = `begin; ${this.#lockStatements(locks)}select pg_current_xact_id()::text as xid, ${epoch} as epoch`
    const attempts = this.#attempts(fence)
    const isRepeatable = (error: unknown) => error instanceof Uncommitted
    return attempts.of(() => this.#transaction({ begin, leaderEpoch }, work, attempts), isRepeatable)
  }

  #attempts(fence: Fence | undefined): Attempts {
    const deadline = performance.now() + this.#options.maxWaitMs
    const remaining = () => fence?.remaining() ?? deadline - performance.now()
    return new Attempts(remaining, () => this.#missed())
  }

  /** The server is away: asks until it is back. */
  #missed(): void {
    this.misses += 1
    if (this.#probe !== undefined) return
    this.#probe = setInterval(() => void this.#ask(), PROBE_MS).unref()
    void this.#ask()
  }

  async #ask(): Promise<void> {
    try {
      await this.pool.query('select 1')
      clearInterval(this.#probe)
      this.#probe = undefined
    } catch (error) {
      if (isConnectionLost(error) && !this.pool.ending) this.#missed()
    }
  }

  async #transaction<T>(start: TransactionStart, work: () => Work<T>, attempts: Attempts): Promise<T> {
    const client = await this.pool.connect().catch(uncommitted)
    let failure: unknown
    try {
      const begun = together(client, () => startTransaction(client, start))
      const asides: Promise<unknown>[] = [quiet(begun)]
      const result = await drive(client, work(), asides).catch(uncommitted)
      const xid = await begun.catch(uncommitted)
      // A transaction in which a statement has failed is not committed by it.
      const committed = quiet(client.query('commit'))
      await Promise.all([...asides, committed]).catch((error: unknown) => this.#settle(xid, error, attempts))
      return result
    } catch (error) {
      failure = error instanceof Uncommitted ? error.cause : error
      if (!isConnectionLost(failure))
        failure = await client.query('rollback').then(undefinedOf, (lost: unknown) => lost)
      throw error
    } finally {
      client.release(failure instanceof Error ? failure : undefined)
    }
  }

  /** Finds out what became of a transaction that has failed at its end, or whose commit was not answered. */
  async #settle(xid: string, error: unknown, attempts: Attempts): Promise<void> {
    if (!isConnectionLost(error)) return uncommitted(error)
    const status = async () => {
      const { rows } = await this.pool.query('select pg_xact_status($1::xid8) as status', [xid])
      const [{ status } = {}] = rows as { status?: string }[]
      if (status === 'in progress') throw error
      return status
    }
    const found = await attempts.of(status, isConnectionLost).catch((cause: unknown) => {
      throw serviceUnavailable('The database cannot be reached: a change may have been stored or not', { cause })
    })
    if (found !== 'committed') uncommitted(error)
  }

  /** In one order, so that two transactions do not wait for each other. */
  #lockStatements(locks: readonly Lock[]): string {
    const byName = new Map(locks.map((lock) => [lock.name, lock]))
    const ordered = [...byName.values()].sort((left, right) => (left.name < right.name ? -1 : 1))
    return ordered
      .map(({ name, isShared }) => {
        const number = lockNumber(this.#options.schema ?? '', name)
        return `select pg_advisory_xact_lock${isShared ? '_shared' : ''}(${number}); `
      })
      .join('')
  }

  /** After a crash of the server, the tables for what runs see are empty, and all connections are new. */
  async #checkScratch(client: Pick<Client, 'query'>): Promise<void> {
    const text = `with known as (select 1 from scratch_process where id = $1),
        added as (insert into scratch_process (id) select $1 where not exists (select 1 from known) returning 1)
      select exists (select 1 from known) as is_known`
    try {
      const { rows } = await client.query<{ is_known: boolean }>(text, [this.process])
      if (!rows[0]?.is_known) this.#epoch += 1
    } catch {
      // There are no tables yet, or the connection is gone again.
      this.#epoch += 1
    }
  }
}

/** Its transaction has not happened. */
class Uncommitted extends Error {}

const uncommitted = (cause: unknown): never => {
  throw new Uncommitted('not committed', { cause })
}

const undefinedOf = (): undefined => undefined

/** Tries again while the server is away, as long as there is time. */
class Attempts {
  readonly #remaining: () => number
  readonly #onLost: () => void
  #delay = FIRST_DELAY_MS

  /**
   * @param remaining the time that is left, in milliseconds
   * @param onLost called when the server does not answer
   */
  constructor(remaining: () => number, onLost: () => void) {
    this.#remaining = remaining
    this.#onLost = onLost
  }

  /** @param isRepeatable whether a failed attempt has changed nothing */
  async of<T>(attempt: () => Promise<T>, isRepeatable: boolean | ((error: unknown) => boolean)): Promise<T> {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        const cause = error instanceof Uncommitted ? error.cause : error
        const isUnchanged = typeof isRepeatable === 'boolean' ? isRepeatable : isRepeatable(error)
        if (isConnectionLost(cause)) this.#onLost()
        const isPassing = isConnectionLost(cause) || isConflict(cause)
        if (!isUnchanged || !isPassing || this.#remaining() < this.#delay) throw exceptionOf(cause)
        await delay(this.#delay)
        this.#delay = Math.min(2 * this.#delay, MAX_DELAY_MS)
      }
    }
  }
}

/** A query changes nothing; other statements may have been carried out without an answer. */
export const isQuery = ({ text }: Statement): boolean => /^\s*(?:select|with)\b/i.test(text)

interface TransactionStart {
  readonly begin: string
  readonly leaderEpoch: number | undefined
}

async function startTransaction(client: Client, { begin, leaderEpoch }: TransactionStart): Promise<string> {
  const results = (await client.query(begin)) as unknown as { rows: { xid: string; epoch: number | null }[] }[]
  const { xid = '', epoch } = results.at(-1)?.rows[0] ?? {}
  if (leaderEpoch !== undefined && epoch !== leaderEpoch) throw leaderReplaced()
  return xid
}

const leaderReplaced = () =>
  serviceUnavailable('The database is not written to: another node runs reconciliations and schedules by now')

/** What is sent to the server from now on in this turn goes in one piece: a system call costs more than a statement. */
function together<T>(client: Client, send: () => T): T {
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: Duplex } }
  connection?.stream?.cork()
  process.nextTick(() => connection?.stream?.uncork())
  return send()
}

/** Lets a promise fail that is looked at later. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(undefinedOf)
  return promise
}

/** @param asides what was sent without waiting for its answer; what is sent in this way is added */
async function drive<T>(client: Client, work: Work<T>, asides: Promise<unknown>[]): Promise<T> {
  let step = work.next()
  while (!step.done) {
    const { value } = step
    const answer = quiet(together(client, () => given(client, value)))
    if (step.value.wants === 'nothing') {
      asides.push(answer)
      step = work.next(0)
    } else step = work.next(await answer.catch((error: unknown) => causeOf(error, asides)))
  }
  return step.value
}

/** The first failure: all later statements of the transaction fail, too. */
async function causeOf(error: unknown, asides: readonly Promise<unknown>[]): Promise<never> {
  for (const answer of asides) await answer
  throw error
}

async function given(on: Pick<Pool, 'query'>, { text, parameters, wants }: Statement): Promise<Given> {
  const { rows, rowCount } = await on.query({ ...native(text), values: parameters as unknown[] })
  return wants === 'rows' ? rows : (rowCount ?? 0)
}
