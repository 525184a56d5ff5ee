import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { USERS } from '../fake-stage.ts'
import { told, undoStage } from './undo-stage.ts'

const user = (id: string, more: JsonObject = {}): JsonObject => ({ _id: id, userName: id, sn: `sn of ${id}`, ...more })

const POLICIES = [
  { situation: 'UNASSIGNED', action: 'DELETE' },
  { situation: 'SOURCE_MISSING', action: 'DELETE' },
]

describe('undo of a run', () => {
  it('gives back fields, deleted objects, and links', async () => {
    const stage = await undoStage({ mapping: { policies: POLICIES, maxDeletes: '100%' } })
    const { one, two } = stage
    one.seed(USERS, [user('a'), user('b'), user('new')])
    two.seed(USERS, [
      user('ta', { userName: 'a', sn: 'old', mail: 'a@x.com' }),
      user('tb', { userName: 'b', sn: null }),
      user('orphan', { mail: 'o@x.com', description: 'kept whole' }),
    ])
    const before = await stage.state()
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 4, FAILURE: 0 })
    assert.equal(two.object(USERS, 'orphan'), undefined)

    const plan = await stage.planUndo(run, 1)
    assert.equal(plan.kind, 'undo plan')
    assert.equal(plan.undoes, run._id)
    assert.deepEqual(told(await stage.rows(plan)).sort(), [
      'CREATE null: the run deleted it',
      'DELETE null: the run created it; its link goes',
      'UPDATE null: gets back /sn; its link goes',
      'UPDATE null: gets back /sn; its link goes',
    ])
    const undone = await stage.execute(plan)
    assert.deepEqual(undone.statusSummary, { SUCCESS: 4, FAILURE: 0 }, JSON.stringify(await stage.rows(undone)))
    assert.equal(undone.kind, 'undo')
    assert.deepEqual(await stage.state(), before)
    const { undoneBy } = await stage.get(`/recon/${String(run._id)}`)
    assert.deepEqual(
      (undoneBy as JsonObject[]).map((entry) => entry.run),
      [undone._id],
    )
  })

  it('leaves alone what was changed since, and names it', async () => {
    const stage = await undoStage()
    stage.one.seed(USERS, [user('a'), user('b'), user('c'), user('d')])
    stage.two.seed(
      USERS,
      ['a', 'b', 'c'].map((id) => user(`t${id}`, { userName: id, sn: 'old' })),
    )
    const run = await stage.recon()
    const d = String(stage.two.ids(USERS).find((id) => id.length > 10))
    stage.two.change(USERS, 'ta', { sn: 'edited' })
    stage.two.change(USERS, d, { sn: 'edited, too' })
    const plan = await stage.planUndo(run, 1)
    assert.deepEqual(told(await stage.rows(plan)).sort(), [
      'DELETE SKIPPED: it stays: since changed: /sn',
      'UNLINK null: its link goes; since changed, left alone: /sn',
      'UPDATE null: gets back /sn; its link goes',
      'UPDATE null: gets back /sn; its link goes',
    ])
    assert.deepEqual(plan.fieldSummary, { changedSince: { '/sn': 2 } })
    stage.two.change(USERS, 'tb', { sn: 'after the plan' })
    const undone = await stage.execute(plan)
    assert.deepEqual(undone.statusSummary, { SUCCESS: 2, FAILURE: 0, SKIPPED: 2 })
    assert.equal(stage.two.object(USERS, 'ta')?.sn, 'edited')
    assert.equal(stage.two.object(USERS, 'tb')?.sn, 'after the plan')
    assert.equal(stage.two.object(USERS, 'tc')?.sn, 'old')
  })

  it('deletes what the run created only when the exact number confirms it', async () => {
    const stage = await undoStage()
    stage.one.seed(USERS, [user('a'), user('b')])
    const run = await stage.recon()
    const path = `/recon/${String(run._id)}?_action=undo`
    const { status, json } = await stage.post(path, { deleteCreated: 1 })
    assert.equal(
      `${status} ${String(json.message)}`,
      '409 The run created 2 objects, not 1: confirm with deleteCreated 2',
    )
    const plan = await stage.planUndo(run)
    assert.deepEqual(
      (await stage.rows(plan)).map((row) => `${String(row.action)} ${String(row.status)}`),
      ['DELETE SKIPPED', 'DELETE SKIPPED'],
    )
    assert.match(JSON.stringify(plan.warnings), /2 objects that the run created stay/)
    await stage.undo(run, 2)
    assert.deepEqual(await stage.state(), { links: [], objects: {} })
  })

  it('can be undone: what it took back comes again', async () => {
    const stage = await undoStage({ mapping: { policies: POLICIES, maxDeletes: '100%' } })
    stage.one.seed(USERS, [user('a'), user('new')])
    stage.two.seed(USERS, [user('ta', { userName: 'a', sn: 'old' }), user('orphan', { mail: 'o@x.com' })])
    const before = await stage.state()
    const run = await stage.recon()
    const after = await stage.state()
    const undone = await stage.undo(run, 1)
    const redone = await stage.undo(undone, 1)
    assert.deepEqual(redone.statusSummary, { SUCCESS: 3, FAILURE: 0 }, JSON.stringify(await stage.rows(redone)))
    assert.deepEqual(await stage.state(), after)
    await stage.undo(redone, 1)
    assert.deepEqual(await stage.state(), before)
  })

  it('finds nothing to do the second time', async () => {
    const stage = await undoStage()
    stage.one.seed(USERS, [user('a')])
    stage.two.seed(USERS, [user('ta', { userName: 'a', sn: 'old' })])
    const run = await stage.recon()
    await stage.undo(run)
    assert.deepEqual(told(await stage.rows(await stage.planUndo(run))), [])
  })
})
