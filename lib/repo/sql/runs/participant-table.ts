import { setTimeout as delay } from 'node:timers/promises'
import { serviceUnavailable } from '../../../crest/errors.ts'
import { LEASE_MS, type RunParticipants } from '../../runs/run-participants.ts'
import type { Database } from '../statements/database.ts'
import { all, first, run as runStatement, type Work } from '../statements/work.ts'

const POLL_MS = 50

/** Offered, not taken yet: without any rows. Taken: until its lease ends. Dismissed: it is not renewed any more. */
const STATE = { offered: 0, taken: 1, dismissed: 2 }

/** Times are those of the server, in milliseconds. */
const NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint'

/** Who takes part in which run. Only a database that several processes write to has this table. */
export class ParticipantTable implements RunParticipants {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async admit(run: number, node: string): Promise<number> {
    const text = `insert into run_participant (run, node, until) values (?, ?, ${NOW} + ?::bigint) returning key`
    const row = await this.#db.write(() => first<{ key: number }>(text, [run, node, LEASE_MS]))
    return row?.key ?? 0
  }

  async renew(ticket: number): Promise<boolean> {
    const text = `update run_participant set state = ${STATE.taken}, until = ${NOW} + ?::bigint
      where key = ? and state <> ${STATE.dismissed} and until > ${NOW}`
    return (await this.#db.write(() => runStatement(text, [LEASE_MS, ticket]))) > 0
  }

  async isHeld(ticket: number): Promise<boolean> {
    const text = `select 1 from run_participant where key = ? and until > ${NOW}`
    return (await this.#db.run(all(text, [ticket]))).length > 0
  }

  async end(ticket: number): Promise<void> {
    await this.#db.write(() => runStatement('delete from run_participant where key = ?', [ticket]))
  }

  dismiss(ticket: number): Promise<void> {
    return this.#dismiss('key = ?', ticket)
  }

  endAll(run: number): Promise<void> {
    return this.#dismiss('run = ?', run)
  }

  async #dismiss(condition: string, value: number): Promise<void> {
    const held = `select 1 from run_participant where ${condition} and until > ${NOW} limit 1`
    await this.#db.write(function* () {
      yield* runStatement(`delete from run_participant where ${condition} and state = ${STATE.offered}`, [value])
      yield* runStatement(`update run_participant set state = ${STATE.dismissed} where ${condition}`, [value])
    })
    while ((await this.#db.run(all(held, [value]))).length > 0) await delay(POLL_MS)
    await this.#db.write(() => runStatement(`delete from run_participant where ${condition}`, [value]))
  }
}

/** Lets a transaction go on only while the participation lasts, which cannot end before the transaction does. */
export function* assertParticipates(ticket: number | undefined): Work<void> {
  if (ticket === undefined) return
  const text = 'select 1 from run_participant where key = ? for share'
  if (!(yield* first(text, [ticket]))) throw serviceUnavailable('This node no longer takes part in the reconciliation')
}
