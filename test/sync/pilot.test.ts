import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { type FakeStage, USERS } from './fake-stage.ts'
import { planStage, user, users } from './plan-stage.ts'

const ORPHANS = [
  { situation: 'UNASSIGNED', action: 'DELETE' },
  { situation: 'SOURCE_MISSING', action: 'DELETE' },
]

/** The source queries with pages that a run has sent. */
const scans = ({ one }: FakeStage) => one.requests.filter(({ query }) => query._pageSize !== undefined)

const sourceIds = async (stage: FakeStage, run: JsonObject) =>
  (await stage.rows(run)).map(({ sourceObjectId }) => String(sourceObjectId)).sort()

describe('a pilot run', () => {
  it('looks at the first sources, requests no further page, and concludes nothing about targets', async () => {
    const stage = await planStage({ mapping: { policies: ORPHANS, reconSourceQueryPageSize: 10, maxDeletes: '100%' } })
    stage.one.seed(USERS, users(100))
    stage.two.seed(USERS, [user('orphan')])
    stage.one.clearRequests()
    const run = await stage.recon('&analyze=true', { limit: 25 })
    assert.deepEqual([run.pilot, Object.keys(await stage.outcomes(run)).length], [{ limit: 25 }, 25])
    assert.equal(scans(stage).length, 3)
    assert.equal(
      (await stage.rows(run)).some(({ targetObjectId }) => targetObjectId === 'orphan'),
      false,
    )
    await stage.execute(String(run._id))
    assert.deepEqual([stage.two.ids(USERS).length, stage.two.ids(USERS).includes('orphan')], [26, true])
  })

  it('asks for no more than it looks at, and may write at once', async () => {
    const stage = await planStage({ mapping: { policies: ORPHANS, maxDeletes: '100%' } })
    stage.one.seed(USERS, users(20))
    await stage.recon()
    for (const id of stage.one.ids(USERS)) stage.one.delete(USERS, id)
    stage.one.seed(USERS, users(5, 'n'))
    stage.one.clearRequests()
    const run = await stage.recon('', { limit: 2 })
    assert.deepEqual(await stage.outcomes(run), { n0000: 'ABSENT CREATE SUCCESS', n0001: 'ABSENT CREATE SUCCESS' })
    assert.deepEqual(
      scans(stage).map(({ query }) => query._pageSize),
      ['2'],
    )
    assert.equal(stage.two.ids(USERS).length, 22)
  })

  it('takes sources at random from all pages', async () => {
    const stage = await planStage({ mapping: { reconSourceQueryPageSize: 20 } })
    stage.one.seed(USERS, users(100))
    const [first, second] = [
      await sourceIds(stage, await stage.recon('&analyze=true', { sample: 30 })),
      await sourceIds(stage, await stage.recon('&analyze=true', { sample: 30 })),
    ]
    for (const ids of [first, second]) {
      assert.equal(new Set(ids).size, 30)
      assert.ok(ids.some((id) => id >= 'u0020'))
    }
    // The odds that two samples of 30 among 100 are the same are 1 to 3e25.
    assert.notDeepEqual(first, second)
    assert.equal((await sourceIds(stage, await stage.recon('&analyze=true', { sample: 500 }))).length, 100)
  })

  it('narrows the source query, and samples or limits what is left', async () => {
    const sourceQuery = { _queryFilter: 'sn sw "u00"' }
    const stage = await planStage({ mapping: { sourceQuery } })
    stage.one.seed(USERS, [...users(30), user('v1')])
    const run = await stage.recon('&analyze=true', { filter: 'userName sw "u001" or userName eq "v1"' })
    assert.equal((run.pilot as JsonObject).filter, 'userName sw "u001" or userName eq "v1"')
    assert.deepEqual(
      await sourceIds(stage, run),
      users(30).flatMap(({ _id }) => (String(_id).startsWith('u001') ? [_id] : [])),
    )
    const some = await stage.recon('&analyze=true', { filter: 'userName sw "u001"', limit: 3 })
    assert.equal((await sourceIds(stage, some)).length, 3)
    const sampled = await stage.recon('&analyze=true', { filter: 'userName sw "u001"', sample: 4 })
    const ids = await sourceIds(stage, sampled)
    assert.deepEqual([ids.length, ids.every((id) => id.startsWith('u001'))], [4, true])
    // What its plan reads is inherited by whoever carries it out.
    await stage.execute(String(sampled._id))
    assert.equal(stage.two.ids(USERS).length, 4)
  })

  it('is refused where it is impossible', async () => {
    const stage = await planStage({ mapping: { sourceQuery: { _queryId: 'query-all' } } })
    const ask = (body: JsonObject, path = 'recon&mapping=m') =>
      stage.refused(stage.post(`/recon?_action=${path}`, body))
    assert.equal(
      await ask({ filter: 'sn pr' }),
      '400 filter: the source query of the mapping has no _queryFilter that it can be combined with',
    )
    assert.match(await ask({ filter: 'sn zz 1' }), /^400 filter: must be a query filter such as/)
    assert.equal(await ask({ limit: 1, sample: 1 }), '400 Only one of limit and sample can be given')
    assert.match(await ask({ limit: 0 }), /^400 limit: must be a whole number from 1 up/)
    assert.match(await ask({ sample: 10_001 }), /^400 sample: must be a whole number from 1 to 10000/)
    assert.match(await ask({ limit: 1, runTargetPhase: true }), /^400 runTargetPhase: /)
    assert.match(await ask({ limit: 1 }, 'reconById&mapping=m&id=x'), /^400 reconById names its sources/)
    assert.match(await ask({ only: 'creates' }), /^400 The body knows .* sample and filter$/)
  })
})
