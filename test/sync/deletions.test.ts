import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import {
  alternatingCookies,
  emptyPagesFirst,
  endlessCookies,
  foreign,
  type Interceptor,
  missingRows,
  repeatedRow,
  rowsWithoutId,
} from '../helpers/fake-idm/fake-idm.ts'
import { type FakeStage, fakeStage, USERS } from './fake-stage.ts'

const DELETE_ORPHANS = [
  { situation: 'UNASSIGNED', action: 'DELETE' },
  { situation: 'SOURCE_MISSING', action: 'DELETE' },
]
const ALL = { policies: DELETE_ORPHANS, maxDeletes: '100%' }
const isScan = ({ query }: { readonly query: Readonly<Record<string, string>> }) =>
  query._pageSize !== undefined && query._queryFilter === 'true'

const user = (id: string, more: JsonObject = {}): JsonObject => ({ _id: id, userName: id, sn: id, ...more })
const script = (source: string) => ({ type: 'text/javascript', source })

/** `count` linked pairs with the ids of their sources. */
async function linked(stage: FakeStage, count = 3): Promise<void> {
  stage.one.seed(
    USERS,
    Array.from({ length: count }, (_, index) => user(`u${index}`)),
  )
  await stage.recon()
  stage.writes()
}

describe('a target whose source is not accounted for is not deleted', () => {
  it('when a source correlates with several targets', async () => {
    const mappings: JsonObject[] = [
      {},
      { policies: [...DELETE_ORPHANS, { situation: 'AMBIGUOUS', action: 'IGNORE' }] },
      {
        sourceCondition: '/source/userName eq "nobody"',
        policies: [...DELETE_ORPHANS, { situation: 'UNQUALIFIED', action: 'IGNORE' }],
      },
    ]
    for (const mapping of mappings) {
      const stage = await fakeStage({ mapping: { ...ALL, ...mapping } })
      stage.one.seed(USERS, [user('s1')])
      stage.two.seed(USERS, [user('t1', { userName: 's1' }), user('t2', { userName: 's1' }), user('orphan')])
      await stage.recon()
      assert.deepEqual(stage.two.ids(USERS).sort(), ['t1', 't2'])
    }
  })

  it('when its source failed before its counterpart was known', async () => {
    const mappings: JsonObject[] = [
      { validSource: script('if (source.sn === "bad") throw "no"; true') },
      {
        correlationQuery: [
          {
            linkQualifier: 'default',
            ...script(
              'if (source.sn === "bad") throw "no"; ({ _queryFilter: "userName eq \\"" + source.userName + "\\"" })',
            ),
          },
        ],
      },
      { linkQualifiers: script('if (object && object.sn === "bad") throw "no"; ["default"]') },
    ]
    for (const mapping of mappings) {
      const stage = await fakeStage({ mapping: { ...ALL, ...mapping } })
      stage.one.seed(USERS, [user('s1', { sn: 'bad' }), user('s2')])
      stage.two.seed(USERS, [user('t1', { userName: 's1' }), user('s2'), user('orphan')])
      const run = await stage.recon()
      assert.deepEqual(stage.two.ids(USERS).sort(), ['orphan', 's2', 't1'])
      assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 1, DEFERRED: 2 })
      const rows = await stage.rows(run)
      const deferred = rows.filter(({ status }) => status === 'DEFERRED')
      assert.ok(deferred.every(({ message }) => String(message).includes('s1')))
    }
  })

  it('but one that is linked protects its own target only', async () => {
    const stage = await fakeStage({
      mapping: { ...ALL, validSource: script('if (source.sn === "bad") throw "no"; true') },
    })
    await linked(stage)
    stage.one.change(USERS, 'u0', { sn: 'bad' })
    stage.one.delete(USERS, 'u1')
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 2, FAILURE: 1 })
    assert.equal(stage.two.ids(USERS).length, 2)
  })

  it('until the failed sources are assessed one by one, or somebody accepts that they are not', async () => {
    const stage = await fakeStage({
      mapping: { ...ALL, validSource: script('if (source.sn === "bad") throw "no"; true') },
    })
    const seed = (bad = 's1') => {
      stage.one.seed(USERS, [user(bad, { sn: 'bad' }), user('s2')])
      stage.two.seed(USERS, [user(`t-${bad}`, { userName: bad }), user('s2'), user('orphan')])
    }
    const execute = (run: JsonObject, json?: JsonObject) =>
      stage.gateway.call(`/recon/${String(run._id)}?_action=execute&waitForCompletion=true`, {
        method: 'POST',
        ...(json && { json }),
      })
    seed()
    const run = await stage.recon()
    const refused = await execute(run)
    assert.equal(refused.status, 409)
    assert.match(refused.text, /Sources are not assessed yet: s1/)
    stage.one.change(USERS, 's1', { sn: 'good' })
    await stage.recon('&id=s1')
    assert.equal((await execute(run)).status, 200)
    assert.deepEqual(stage.two.ids(USERS).sort(), ['s2', 't-s1'])

    seed('s3')
    const plan = await stage.recon('&analyze=true')
    assert.deepEqual(plan.statusSummary, { SUCCESS: 2, FAILURE: 1, DEFERRED: 2 })
    const accepted = await execute(plan, { acceptUnassessed: true })
    assert.equal(accepted.status, 200, accepted.text)
    assert.deepEqual(stage.two.ids(USERS).sort(), ['s2', 't-s1'])
    const shown = await stage.gateway.call(`/recon/${String((accepted.json as JsonObject)._id)}`)
    assert.deepEqual((shown.json as JsonObject).acceptedUnassessed, { by: 'openidm-admin' })
  })

  it('and as many unassessed sources as maxUnassessed names hold nothing up', async () => {
    const stage = await fakeStage({
      mapping: { ...ALL, maxUnassessed: 1, validSource: script('if (source.sn === "bad") throw "no"; true') },
    })
    stage.one.seed(USERS, [user('s1', { sn: 'bad' })])
    stage.two.seed(USERS, [user('orphan')])
    assert.deepEqual((await stage.recon()).statusSummary, { SUCCESS: 1, FAILURE: 1 })
    assert.deepEqual(stage.two.ids(USERS), [])
  })
})

describe('absence is proven before a target is deleted', () => {
  const kinds = ['html', 'text', 'empty', 'json', 'idm'] as const
  for (const kind of kinds)
    it(`reads by id that are answered 404 (${kind}) prove nothing`, async () => {
      const stage = await fakeStage({ mapping: ALL })
      await linked(stage)
      // The scan misses a source, and no read by id gets through; queries by id miss it too.
      stage.one.intercept(
        ({ method, query }) => method === 'GET' && query._queryFilter !== undefined,
        missingRows('u1'),
      )
      stage.one.intercept(({ method, path }) => method === 'GET' && path.startsWith(`${USERS}/`), foreign(kind))
      const run = await stage.recon()
      assert.equal(stage.two.ids(USERS).length, 3)
      assert.deepEqual(run.statusSummary, { SUCCESS: 2, FAILURE: 1 })
    })

  it('a row that a scan has missed is not missing', async () => {
    const stage = await fakeStage({ mapping: ALL })
    await linked(stage)
    stage.one.intercept(isScan, missingRows('u1'))
    assert.deepEqual((await stage.recon()).statusSummary, { SUCCESS: 3, FAILURE: 0 })
    assert.deepEqual(stage.writes(), [])
  })

  it('an object that a query by its id shows is not gone, whatever a read says', async () => {
    const stage = await fakeStage({ mapping: ALL })
    await linked(stage)
    stage.one.intercept(isScan, missingRows('u1'))
    stage.one.intercept(`GET ${USERS}/u1`, foreign('idm'))
    const run = await stage.recon()
    assert.equal(run.state, 'SUCCESS')
    assert.equal(stage.two.ids(USERS).length, 3)
  })

  it('a source that is gone is deleted at the target', async () => {
    const stage = await fakeStage({ mapping: ALL })
    await linked(stage)
    stage.one.delete(USERS, 'u1')
    assert.deepEqual((await stage.recon()).statusSummary, { SUCCESS: 3, FAILURE: 0 })
    assert.equal(stage.two.ids(USERS).length, 2)
  })

  it('a deletion that is answered 404 by something else is a failure, and the link stays', async () => {
    const stage = await fakeStage({ mapping: ALL })
    await linked(stage)
    stage.one.delete(USERS, 'u1')
    stage.two.intercept((request) => request.method === 'DELETE', foreign('html'))
    assert.deepEqual((await stage.recon()).statusSummary, { SUCCESS: 2, FAILURE: 1 })
    const links = await stage.gateway.call('/repo/link?_queryFilter=true')
    assert.equal((links.json as JsonObject).resultCount, 3)
  })

  it('a deletion of what somebody else has deleted is a success', async () => {
    const stage = await fakeStage({ mapping: ALL })
    await linked(stage)
    stage.one.delete(USERS, 'u1')
    stage.two.before(
      (request) => request.method === 'DELETE',
      ({ path }) => stage.two.delete(USERS, path.split('/').at(-1) ?? ''),
    )
    assert.deepEqual((await stage.recon()).statusSummary, { SUCCESS: 3, FAILURE: 0 })
    assert.equal(stage.two.ids(USERS).length, 2)
  })

  for (const how of ['disabled', 'removed'])
    it(`an explicit deletion is refused while the instance of the source is ${how}`, async () => {
      const stage = await fakeStage({ mapping: ALL })
      await linked(stage)
      const { call } = stage.gateway
      if (how === 'removed') assert.equal((await call('/config/external.idm/one', { method: 'DELETE' })).status, 200)
      else {
        const { json } = await call('/config/external.idm/one')
        const { _id, ...content } = json as JsonObject
        const put = await call('/config/external.idm/one', {
          method: 'PUT',
          json: { ...content, enabled: false, password: 'any-password-1' },
        })
        assert.equal(put.status, 200, put.text)
      }
      const [target = ''] = stage.two.ids(USERS)
      const answer = await call(`/sync?_action=performAction&mapping=m&action=DELETE&targetId=${target}&target=true`, {
        method: 'POST',
      })
      assert.ok([409, 502, 503].includes(answer.status), `${answer.status} ${answer.text}`)
      assert.equal(stage.two.ids(USERS).length, 3)
    })

  it('a script that reads behind a foreign 404 gets an error, not null', async () => {
    const stage = await fakeStage()
    stage.one.intercept(`GET ${USERS}/u1`, foreign('html'))
    const read = script(`openidm.read("external/idm/one/${USERS}/u1")`)
    const answer = await stage.gateway.call('/script?_action=eval', { method: 'POST', json: read })
    assert.equal(answer.status, 502, answer.text)
  })
})

describe('a source set that cannot be trusted', () => {
  it('rows without _id fail and are named, and hold deletions up', async () => {
    const stage = await fakeStage({ mapping: ALL })
    stage.one.seed(USERS, [user('s1'), user('s2')])
    stage.two.seed(USERS, [user('orphan')])
    stage.one.intercept(isScan, rowsWithoutId('s2'))
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 1, DEFERRED: 1 })
    const rows = await stage.rows(run)
    assert.ok(rows.some(({ message }) => /an object without _id/.test(String(message))))
    assert.deepEqual(stage.two.ids(USERS).length, 2)
  })

  it('two different rows with one _id in a page fail; a repetition is one object', async () => {
    const stage = await fakeStage()
    stage.one.seed(USERS, [user('s1'), user('s2')])
    stage.one.intercept(isScan, repeatedRow('s1', { sn: 'other' }))
    stage.one.intercept(isScan, repeatedRow('s2', {}))
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 1 })
    assert.deepEqual(
      stage.two.objects(USERS).map(({ userName }) => userName),
      ['s2'],
    )
  })

  it('an object that comes again in a later page with other content is reported', async () => {
    const stage = await fakeStage({ mapping: { reconSourceQueryPageSize: 1 } })
    stage.one.seed(USERS, [user('s1'), user('s2')])
    const again: Interceptor = async (request, next) => next(request)
    stage.one.intercept(isScan, again)
    stage.one.before(
      ({ query }) => query._pagedResultsCookie !== undefined,
      () => {
        stage.one.delete(USERS, 's2')
        stage.one.delete(USERS, 's1')
        stage.one.seed(USERS, [user('s0'), user('s1')])
        stage.one.change(USERS, 's1', { sn: 'changed' })
      },
    )
    const run = await stage.recon()
    assert.match(String(run.warnings), /returned s1 twice with different content/)
  })

  it('an object that a query lists and that cannot be read holds deletions up', async () => {
    const sourceQuery = { _queryFilter: 'true', _fields: '_id' }
    const stage = await fakeStage({ mapping: { ...ALL, sourceQuery } })
    stage.one.seed(USERS, [user('s1'), user('s2')])
    stage.two.seed(USERS, [user('t2', { userName: 's2' })])
    stage.one.intercept(({ query }) => String(query._queryFilter).includes('_id eq'), missingRows('s2'))
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 1, DEFERRED: 1 })
    assert.ok(stage.two.ids(USERS).includes('t2'))
  })

  const endless: Readonly<Record<string, () => Interceptor>> = {
    'ever new cookies for the same page': endlessCookies,
    'two pages in turn': alternatingCookies,
  }
  for (const [what, interceptor] of Object.entries(endless))
    it(`${what} end the run`, async () => {
      const stage = await fakeStage({ mapping: { reconSourceQueryPageSize: 1 } })
      stage.one.seed(USERS, [user('s1'), user('s2')])
      stage.one.intercept(isScan, interceptor())
      const run = await stage.recon()
      assert.equal(run.state, 'FAILED')
      assert.match(String(run.stageDescription), /its pages do not end/)
      assert.ok(stage.one.requests.length < 20)
    })

  it('empty pages with new cookies are legitimate', async () => {
    const stage = await fakeStage({ mapping: { reconSourceQueryPageSize: 10, allowEmptySourceSet: true } })
    stage.one.seed(USERS, [user('s1')])
    stage.one.intercept(isScan, emptyPagesFirst(30))
    await stage.recon()
    assert.equal(stage.two.ids(USERS).length, 1)
  })

  it('an unknown id in reconById is one failed entry', async () => {
    const stage = await fakeStage()
    stage.one.seed(USERS, [user('s1')])
    const run = await stage.recon('&id=nobody')
    assert.deepEqual(run.statusSummary, { SUCCESS: 0, FAILURE: 1 })
    const [row] = await stage.rows(run)
    assert.match(String(row?.message), /there is no object nobody/)
  })
})

describe('a run that would take away much is stopped before its first write', () => {
  it('when it would delete more than half of a small set', async () => {
    const stage = await fakeStage({ mapping: { policies: DELETE_ORPHANS } })
    await linked(stage, 12)
    for (let index = 0; index < 11; index++) stage.one.delete(USERS, `u${index}`)
    const run = await stage.recon()
    assert.match(String(run.stageDescription), /would delete 11 of 12 targets, more than half/)
    assert.deepEqual(stage.writes(), [])
  })

  it('when no source has a field any more, in every way to start it', async () => {
    const stage = await fakeStage()
    await linked(stage, 12)
    for (let index = 0; index < 12; index++) stage.one.change(USERS, `u${index}`, { sn: undefined })
    const run = await stage.recon()
    assert.match(String(run.stageDescription), /would clear \/sn in 12 of 12 targets, and no source has a value for it/)
    const plan = await stage.recon('&analyze=true')
    assert.match(String(plan.warnings), /would clear \/sn in 12 of 12 targets/)
    const path = `/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`
    const executed = await stage.gateway.call(path, { method: 'POST' })
    assert.equal((executed.json as JsonObject).state, 'FAILED')
    assert.deepEqual(stage.writes(), [])
    assert.deepEqual((await stage.recon('', { maxClears: '100%' })).statusSummary, { SUCCESS: 12, FAILURE: 0 })
  })
})
