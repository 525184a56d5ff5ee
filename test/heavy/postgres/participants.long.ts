import assert from 'node:assert/strict'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import { newRow, type Row } from '../../../lib/repo/runs/run-row.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { postgresRepository, tempSchema } from './server.ts'

const GONE = { code: 503, message: 'This node no longer takes part in the reconciliation' }

describe('participants of a run', () => {
  /** A run of two rows, and what changes the database beside the repository. */
  async function stage() {
    const place = await tempSchema()
    const runs = (await postgresRepository(place)).runs()
    const { participants } = runs
    assert.ok(participants)
    const run = { id: 'r', mapping: 'm', state: 'ACTIVE', isAnalysis: false, persists: false, content: {} }
    const number = await runs.insert(run)
    const rowOf = (sourceId: string) =>
      newRow({ phase: 'source', qualifier: 'default', sourceId, action: 'CREATE', source: { _id: sourceId } })
    await runs.rows(number).add(['a', 'b'].map(rowOf), false)
    const other = createClient(place)
    await other.connect()
    onCleanUp(() => other.end())
    const ticket = await participants.admit(number, 'n1')
    assert.equal(await participants.renew(ticket), true)
    const rows = runs.rows(number, ticket)
    const waiting = await rows.waiting(0, 10)
    const intended = waiting.map((row): Row => ({ ...row, intent: { kind: 'id', id: `t-${row.sourceId}` } }))
    return { participants, number, other, ticket, rows, intended, own: runs.rows(number) }
  }

  it('write rows until their participation has ended', async () => {
    const { participants, ticket, rows, intended, own } = await stage()
    const [first, second] = intended as [Row, Row]
    await rows.intend([first])
    assert.equal(await participants.isHeld(ticket), true)
    await participants.end(ticket)
    await assert.rejects(rows.intend([second]), GONE)
    await assert.rejects(rows.replan([first]), GONE)
    await assert.rejects(rows.finish([{ ...first, status: 'SUCCESS' }], true), GONE)
    assert.deepEqual([await participants.isHeld(ticket), await participants.renew(ticket)], [false, false])
    const left = await own.after(0, 10)
    assert.deepEqual(
      left.map(({ status }) => status),
      ['INTENDED', null],
    )
    assert.deepEqual(
      (await own.waitingPlaces(0, 10)).map(({ sourceId }) => sourceId),
      ['b'],
    )
    const tally = await own.tally([first.key])
    assert.deepEqual(
      tally.map(({ status, count }) => [status, count]),
      [['INTENDED', 1]],
    )
  })

  it('have stored what they were storing when their participation ends', async () => {
    const { participants, other, ticket } = await stage()
    await other.query(`begin; select 1 from run_participant where key = ${ticket} for share`)
    let hasEnded = false
    const ended = participants.end(ticket).then(() => (hasEnded = true))
    const isWaiting = async () =>
      (await other.query('select 1 from pg_locks where not granted and pid <> pg_backend_pid()')).rows.length > 0
    await until(isWaiting)
    assert.equal(hasEnded, false)
    await other.query('commit')
    await ended
  })

  it('are waited for until they have left, and begin nothing meanwhile', async () => {
    const { participants, number, ticket, rows, intended } = await stage()
    const ended = participants.endAll(number)
    await until(async () => !(await participants.renew(ticket)))
    // What is under way may still be stored.
    await rows.intend(intended)
    await participants.end(ticket)
    await ended
  })

  it('are not waited for when they never took part, and cannot do so later', async () => {
    const { participants, number, ticket } = await stage()
    await participants.end(ticket)
    const offered = await participants.admit(number, 'n2')
    assert.equal(await participants.isHeld(offered), true)
    await participants.endAll(number)
    assert.equal(await participants.renew(offered), false)
  })

  it('are waited for until their leases are over', async () => {
    const { participants, number, other, rows, intended } = await stage()
    const ended = participants.endAll(number)
    await other.query('update run_participant set until = 0')
    await ended
    await assert.rejects(rows.intend(intended), GONE)
  })
})
