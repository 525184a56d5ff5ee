import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../contract.ts'
import { serviceUnavailable } from '../../crest/errors.ts'
import { exceptionOf, isConnectionLost } from './failure.ts'
import { lockNumber } from './lock-number.ts'
import { createClient, type PoolOptions } from './pool.ts'

export interface OwnerLockOptions extends PoolOptions {
  readonly log: Logger
  /** Names the database in messages. */
  readonly name: string
  /** How long an owner that is about to end is waited for, in milliseconds. */
  readonly maxWaitMs: number
}

const POLL_MS = 200
const RECONNECT_MS = 1000

type Session = ReturnType<typeof createClient>

/**
 * Keeps other gateways from what only one may do, such as to carry out queued changes. The server releases the lock when the
 * connection ends; it is taken again when the server is back.
 */
export class OwnerLock {
  readonly #options: OwnerLockOptions
  #session: Session | undefined
  #isReleased = false
  #fault: string | undefined

  private constructor(options: OwnerLockOptions) {
    this.#options = options
  }

  /** @throws Error that says who has the lock */
  static async take(options: OwnerLockOptions): Promise<OwnerLock> {
    const lock = new OwnerLock(options)
    for (const deadline = performance.now() + options.maxWaitMs; ; await delay(POLL_MS)) {
      const holder = await lock.#attempt()
      if (holder === undefined) return lock
      if (performance.now() > deadline) throw new Error(inUse(options.name, holder))
    }
  }

  /** One sentence for a person when another gateway has taken the lock since. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** @throws ResourceException 503 when another gateway has taken the lock since */
  assertHeld(): void {
    if (this.#fault !== undefined)
      throw serviceUnavailable('The database cannot be written to', { cause: new Error(this.#fault) })
  }

  async release(): Promise<void> {
    this.#isReleased = true
    await this.#session?.end().catch(() => undefined)
  }

  /** @returns who has the lock; undefined when it was taken */
  async #attempt(): Promise<string | undefined> {
    const session = createClient(this.#options)
    session.on('error', () => undefined)
    try {
      await session.connect()
      const number = lockNumber(this.#options.schema ?? '', 'owner')
      const { rows } = await session.query<{ taken: boolean }>(`select pg_try_advisory_lock(${number}) as taken`)
      if (rows[0]?.taken) {
        this.#keep(session)
        return undefined
      }
      const holder = await holderOf(session, number)
      await session.end()
      return holder
    } catch (error) {
      await session.end().catch(() => undefined)
      throw exceptionOf(error)
    }
  }

  #keep(session: Session): void {
    this.#session = session
    session.once('end', () => {
      if (!this.#isReleased) void this.#takeAgain()
    })
  }

  async #takeAgain(): Promise<void> {
    const { log, name } = this.#options
    while (!this.#isReleased) {
      try {
        const holder = await this.#attempt()
        if (holder === undefined) return
        this.#fault = `${inUse(name, holder)} and restart this one`
        return log.error({}, this.#fault)
      } catch (error) {
        if (!isConnectionLost((error as Error).cause ?? error)) log.error({ err: error }, `${name}: the lock was lost`)
        await delay(RECONNECT_MS, undefined, { ref: false })
      }
    }
  }
}

const inUse = (name: string, holder: string): string => `The repository ${name} is used by ${holder}: stop it`

async function holderOf(session: Session, number: bigint): Promise<string> {
  // A lock of 64 bits is shown in two halves.
  const [high, low] = [BigInt.asUintN(32, number >> 32n), BigInt.asUintN(32, number)]
  const text = `select a.client_addr, a.client_port, a.backend_start::text as since
    from pg_locks as l join pg_stat_activity as a on a.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.classid = ${high} and l.objid = ${low} and l.objsubid = 1`
  const { rows } = await session.query<{ client_addr: string | null; client_port: number; since: string | null }>(text)
  const [row] = rows
  if (!row) return 'another gateway'
  return `another gateway (${row.client_addr ?? 'on the machine of the server'}, connected since ${row.since ?? 'a while'})`
}
