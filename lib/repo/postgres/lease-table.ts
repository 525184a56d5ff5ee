import { type ClusterLease, LEASE_MS, type LeaderCandidate, type LeaderRecord } from '../cluster.ts'
import { all, first, run, type Work } from '../sql/statements/work.ts'
import type { PostgresDatabase } from './database.ts'
import { LEADER_LOCK } from './fence.ts'

/**
 * Who leads, as one row. The lease ends by the clock of the server. Writes of the leader share a lock and compare the
 * epoch (`FencedDatabase`): taking the lease waits for those that are under way.
 */
export class LeaseTable implements ClusterLease {
  readonly #db: PostgresDatabase
  readonly #process: string
  readonly #channel: string

  /** @param channel where processes are told that the leader has changed */
  constructor(db: PostgresDatabase, process: string, channel: string) {
    this.#db = db
    this.#process = process
    this.#channel = channel
  }

  async leader(): Promise<LeaderRecord> {
    const text = `select epoch, process, node, serves = 1 as serves,
        (extract(epoch from until - clock_timestamp()) * 1000)::bigint as "remainingMs"
      from leader`
    return (await this.#db.run(first<LeaderRecord>(text))) ?? NOBODY
  }

  async take({ node, member }: LeaderCandidate): Promise<number | undefined> {
    if ((await this.leader()).remainingMs > 0) return undefined
    const text = `update leader set epoch = epoch + 1, process = ?, member = ?, node = ?, serves = 0, until = ${LATER}
      where until < clock_timestamp() returning epoch`
    const values = [this.#process, member, node, LEASE_MS]
    const told = this.#told()
    const take = function* (): Work<number | undefined> {
      const taken = yield* first<{ epoch: number }>(text, values)
      if (taken) yield* told()
      return taken?.epoch
    }
    return this.#db.write(take, { locks: [LEADER_LOCK] })
  }

  async renew(epoch: number): Promise<boolean> {
    const text = `update leader set until = ${LATER} where epoch = ? and process = ?`
    return (await this.#db.write(() => run(text, [LEASE_MS, epoch, this.#process]))) > 0
  }

  serve(epoch: number, serves: boolean): Promise<void> {
    return this.#change('serves = ?', [Number(serves)], 'epoch = ? and process = ?', [epoch, this.#process])
  }

  release(epoch: number): Promise<void> {
    return this.#change(`process = '', serves = 0, until = ${OVER}`, [], 'epoch = ? and process = ?', [
      epoch,
      this.#process,
    ])
  }

  releaseMember(member: string): Promise<void> {
    return this.#change(`process = '', serves = 0, until = ${OVER}`, [], `member = ? and process <> ''`, [member])
  }

  async #change(set: string, values: readonly unknown[], where: string, given: readonly unknown[]): Promise<void> {
    const told = this.#told()
    await this.#db.write(function* () {
      const changed = yield* run(`update leader set ${set} where ${where}`, [...values, ...given])
      if (changed > 0) yield* told()
    })
  }

  #told(): () => Work<unknown> {
    return () => all('select pg_notify(?, ?)', [this.#channel, LEADER_CHANGED])
  }
}

/** What the channel says; any other text is the process that has messages. */
export const LEADER_CHANGED = 'leader'

const LATER = `clock_timestamp() + ?::bigint * interval '1 millisecond'`
const OVER = 'to_timestamp(0)'
const NOBODY: LeaderRecord = { epoch: 0, process: '', node: '', serves: false, remainingMs: 0 }
