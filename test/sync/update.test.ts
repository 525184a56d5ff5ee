import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { errorAnswer } from '../helpers/fake-idm/answer.ts'
import { errorIn200, otherId, respond, rewriteObject } from '../helpers/fake-idm/fake-idm.ts'
import { type FakeStage, fakeStage, MAPPING, USERS } from './fake-stage.ts'

const patched = (id: string, ...operations: JsonObject[]) => [`PATCH ${USERS}/${id}`, operations] as const
const replace = (field: string, value: unknown) => ({ operation: 'replace', field, value }) as JsonObject
const remove = (field: string) => ({ operation: 'remove', field })
const property = (name: string, more: JsonObject = {}) => ({ source: name, target: name, ...more })
const properties = (...names: readonly (string | JsonObject)[]) =>
  names.map((name) => (typeof name === 'string' ? property(name) : name))

/** One user on each side, with the same name. */
async function pair(stage: FakeStage, source: JsonObject, target: JsonObject): Promise<FakeStage> {
  stage.one.seed(USERS, [{ _id: 's1', userName: 'bjensen', ...source }])
  stage.two.seed(USERS, [{ _id: 't1', userName: 'bjensen', ...target }])
  return stage
}

describe('an update changes only what it must', () => {
  it('keeps a password that the target does not show', async () => {
    const stage = await fakeStage({ two: { invisible: ['password'] } })
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old', password: 'Secret12' })
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.deepEqual(stage.writes(), [patched('t1', replace('/sn', 'Jensen'))])
    assert.equal(stage.two.object(USERS, 't1')?.password, 'Secret12')
    assert.equal(stage.two.object(USERS, 't1')?.sn, 'Jensen')
  })

  it('keeps the roles of a user', async () => {
    const stage = await fakeStage()
    stage.two.seed('managed/role', [{ _id: 'r1', name: 'Sales' }])
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old', roles: [{ _ref: 'managed/role/r1' }] })
    await stage.recon()
    assert.deepEqual(stage.two.refs(USERS, 't1', 'roles'), ['managed/role/r1'])
  })

  it('depends on the revision that was compared', async () => {
    const stage = await fakeStage()
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old' })
    stage.two.before(`PATCH ${USERS}/t1`, () => stage.two.change(USERS, 't1', { city: 'Oslo' }))
    await stage.recon()
    assert.equal(stage.two.writes.length, 2)
    assert.ok(stage.two.writes.every(({ ifMatch }) => ifMatch !== undefined))
    const { sn, city } = stage.two.object(USERS, 't1') ?? {}
    assert.deepEqual([sn, city], ['Jensen', 'Oslo'])
  })

  it('is refused with the words of the remote when 412 comes again', async () => {
    const stage = await fakeStage()
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old' })
    stage.two.intercept(`PATCH ${USERS}/t1`, respond(errorAnswer(412, 'Duplicate relationship specified')))
    const [row] = await stage.rows(await stage.recon())
    assert.deepEqual([row?.status, row?.message], ['FAILURE', 'Duplicate relationship specified'])
    assert.equal(stage.two.writes.length, 2)
  })

  it('looks again before it writes where the target has no revisions', async () => {
    const stage = await fakeStage({ two: { revisions: 'none' } })
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old' })
    // Between the scan and the write, a mapped field changes.
    stage.two.before(`GET ${USERS}/t1`, () => stage.two.change(USERS, 't1', { sn: 'Somebody' }))
    await stage.recon()
    assert.equal(stage.two.object(USERS, 't1')?.sn, 'Jensen')
    const reads = stage.two.requests.filter(({ line }) => line === `GET ${USERS}/t1`)
    assert.ok(reads.length >= 2, 'it was decided again by what was there')
  })

  it('removes what the source lacks, and never replaces by null', async () => {
    const stage = await fakeStage({ mapping: { properties: properties('userName', 'sn', 'city', 'tags', 'other') } })
    await pair(stage, { sn: 'Jensen', tags: [], other: null }, { sn: 'Jensen', city: 'Oslo', tags: ['a'], other: 'x' })
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.deepEqual(stage.writes(), [patched('t1', remove('/city'), replace('/tags', []), remove('/other'))])
  })

  it('replaces a list as a whole, and members of objects one by one', async () => {
    const stage = await fakeStage({ mapping: { properties: properties('userName', 'tags', 'name') } })
    const name = { given: 'B', family: 'Jensen', title: 'Dr' }
    await pair(stage, { tags: ['b', 'c'], name }, { tags: ['a', 'b'], name: { ...name, family: 'Old', nick: 'Babs' } })
    await stage.recon()
    assert.deepEqual(stage.writes(), [
      patched('t1', replace('/tags', ['b', 'c']), replace('/name/family', 'Jensen'), remove('/name/nick')),
    ])
  })

  it('never names a position: an object with a member called 0 is replaced as a whole', async () => {
    const stage = await fakeStage({ mapping: { properties: properties('userName', 'codes') } })
    await pair(stage, { codes: { 0: 'b', x: 1 } }, { codes: { 0: 'a', x: 1 } })
    await stage.recon()
    assert.deepEqual(stage.writes(), [patched('t1', replace('/codes', { 0: 'b', x: 1 }))])
  })

  it('empties a relationship by an empty list', async () => {
    const fields = { _queryFilter: 'true', _fields: '*,roles' }
    const stage = await fakeStage({
      mapping: {
        properties: properties('userName', { source: 'nothing', target: 'roles' }),
        targetQuery: fields,
        maxClears: '100%',
      },
    })
    stage.two.seed('managed/role', [{ _id: 'r1', name: 'Sales' }])
    await pair(stage, {}, { roles: [{ _ref: 'managed/role/r1' }] })
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.deepEqual(stage.writes(), [patched('t1', replace('/roles', []))])
    assert.deepEqual(stage.two.refs(USERS, 't1', 'roles'), [])
  })

  it('compares a reference by what the mapping sets', async () => {
    const fields = { _queryFilter: 'true', _fields: '*,manager' }
    const stage = await fakeStage({
      mapping: {
        properties: properties('userName', { source: 'boss', target: 'manager' }),
        targetQuery: fields,
      },
    })
    stage.two.seed(USERS, [{ _id: 'm1', userName: 'manager' }])
    await pair(stage, { boss: { _ref: `${USERS}/m1` } }, {})
    stage.one.seed(USERS, [{ _id: 's0', userName: 'manager' }])
    await stage.recon()
    assert.deepEqual(stage.writes(), [patched('t1', replace('/manager', { _ref: `${USERS}/m1` }))])
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 2, FAILURE: 0 })
    assert.deepEqual(stage.writes(), [])
  })

  it('takes an empty list, null and nothing for the same', async () => {
    const stage = await fakeStage({ mapping: { properties: properties('userName', 'roles', 'tags') } })
    await pair(stage, { roles: [], tags: [] }, {})
    await stage.recon()
    stage.two.change(USERS, 't1', { tags: null })
    await stage.recon()
    assert.deepEqual(stage.writes(), [])
  })

  it('clears no field that the schema of the target requires', async () => {
    const stage = await fakeStage({ mapping: { properties: properties('userName', 'sn', 'city') } })
    const schema = { _id: USERS, type: 'object', required: ['userName', 'sn'] }
    stage.two.seed('schema', [])
    stage.two.intercept(`GET schema/${USERS}`, respond({ status: 200, headers: {}, json: schema }))
    await pair(stage, { city: 'Oslo' }, { sn: 'Old' })
    const [row] = await stage.rows(await stage.recon())
    assert.equal(row?.status, 'FAILURE')
    assert.match(
      String(row?.message),
      /would clear \/sn, which the schema of external\/idm\/two\/managed\/user requires/,
    )
    assert.deepEqual(stage.writes(), [])
  })
})

describe('a target that is changed by whole objects', () => {
  for (const status of [405, 501] as const)
    it(`is read afresh and sent with its _id where PATCH answers ${status}`, async () => {
      const stage = await fakeStage({ two: { patch: status } })
      stage.two.seed('managed/role', [{ _id: 'r1', name: 'Sales' }])
      await pair(stage, { sn: 'Jensen' }, { sn: 'Old', city: 'Oslo', roles: [{ _ref: 'managed/role/r1' }] })
      // A field that the mapping does not touch changes between the scan and the write.
      stage.two.before(`PATCH ${USERS}/t1`, () => stage.two.change(USERS, 't1', { city: 'Bergen' }))
      const run = await stage.recon()
      assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 0 })
      const put = stage.two.writes.at(-1)
      assert.deepEqual(
        [put?.line, put?.body],
        [
          `PUT ${USERS}/t1`,
          {
            _id: 't1',
            userName: 'bjensen',
            sn: 'Jensen',
            city: 'Bergen',
            effectiveRoles: [{ _ref: 'managed/role/r1' }],
          },
        ],
      )
      assert.notEqual(put?.ifMatch, undefined)
      assert.deepEqual(stage.two.refs(USERS, 't1', 'roles'), ['managed/role/r1'])
    })

  it('is asked by PUT at once when the mapping says so, and the plan warns', async () => {
    const stage = await fakeStage({ mapping: { updateMethod: 'put' } })
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old' })
    const [planned] = await stage.rows(await stage.recon('&analyze=true'))
    assert.match(String(planned?.reason), /the whole object is sent: fields that the target does not show are lost/)
    await stage.recon()
    assert.deepEqual(
      stage.writes().map(([line]) => line),
      [`PUT ${USERS}/t1`],
    )
  })

  it('fails by name where it refuses PATCH in other words', async () => {
    const stage = await fakeStage({ two: { patch: 400 } })
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old' })
    const [row] = await stage.rows(await stage.recon())
    assert.equal(row?.status, 'FAILURE')
    assert.match(String(row?.message), /"updateMethod": "put"/)
  })
})

describe('a field that the target never shows', () => {
  const mapping = { properties: properties('userName', 'sn', 'password') }
  const hidden = { writeOnly: ['password'] }
  const passwords = (stage: FakeStage) =>
    stage.two.writes.flatMap(({ text }) => (text.includes('password') ? [text] : [])).length

  it('is sent once, and again only when its value has changed', async () => {
    const stage = await fakeStage({ mapping, two: hidden })
    stage.one.seed(USERS, [{ _id: 's1', userName: 'bjensen', sn: 'Jensen', password: 'Secret12' }])
    await stage.recon()
    assert.equal(passwords(stage), 1)
    stage.writes()
    for (let again = 0; again < 2; again++) await stage.recon()
    assert.deepEqual(stage.writes(), [])
    stage.one.change(USERS, 's1', { password: 'Secret34' })
    await stage.recon()
    const [id = ''] = stage.two.ids(USERS)
    assert.deepEqual(stage.writes(), [patched(id, replace('/password', 'Secret34'))])
    await stage.recon()
    assert.deepEqual(stage.writes(), [])
  })

  it('is written again when the target shows it elsewhere and somebody has cleared it here', async () => {
    const stage = await fakeStage({ mapping })
    stage.one.seed(USERS, [
      { _id: 's1', userName: 'a', sn: 'A', password: 'Secret12' },
      { _id: 's2', userName: 'b', sn: 'B', password: 'Secret34' },
    ])
    await stage.recon()
    const [id = ''] = stage.two.ids(USERS)
    stage.two.change(USERS, id, { password: undefined })
    stage.writes()
    await stage.recon()
    assert.deepEqual(stage.writes(), [patched(id, replace('/password', 'Secret12'))])
  })

  it('is not sent to a target that was found, unless the property says so', async () => {
    for (const writeOnFound of [false, true]) {
      const more = { writeOnly: true, writeOnFound }
      const stage = await fakeStage({
        mapping: { properties: properties('userName', 'sn', property('password', more)) },
        two: hidden,
      })
      await pair(stage, { sn: 'Jensen', password: 'Secret12' }, { sn: 'Old', password: 'Theirs12' })
      await stage.recon()
      await stage.recon()
      assert.equal(stage.two.object(USERS, 't1')?.password, writeOnFound ? 'Secret12' : 'Theirs12')
      assert.equal(stage.two.writes.length, 1)
      stage.one.change(USERS, 's1', { password: 'Secret34' })
      await stage.recon()
      assert.equal(stage.two.object(USERS, 't1')?.password, 'Secret34')
    }
  })

  it('is sent once by target id where the mapping keeps no links', async () => {
    const stage = await fakeStage({ mapping: { ...mapping, enableLinking: false }, two: hidden })
    await pair(stage, { sn: 'Jensen', password: 'Secret12' }, { sn: 'Jensen' })
    for (let again = 0; again < 3; again++) await stage.recon()
    assert.equal(passwords(stage), 1)
  })

  it('is counted apart in the plan', async () => {
    const stage = await fakeStage({ mapping, two: hidden })
    stage.one.seed(USERS, [{ _id: 's1', userName: 'bjensen', sn: 'Jensen', password: 'Secret12' }])
    await stage.recon()
    stage.one.change(USERS, 's1', { password: 'Secret34' })
    const plan = await stage.recon('&analyze=true')
    assert.deepEqual(plan.fieldSummary, { unseen: { '/password': 1 } })
    const [row] = await stage.rows(plan)
    assert.deepEqual(row?.changes, [{ field: '/password', from: null, to: '********', unseen: true }])
  })
})

describe('the answer to an update', () => {
  it('with another _id moves the link, when the object has that id now', async () => {
    const stage = await fakeStage({ two: { namedBy: 'userName' } })
    stage.one.seed(USERS, [{ _id: 's1', userName: 'bjensen', sn: 'Jensen' }])
    await stage.recon()
    stage.one.change(USERS, 's1', { userName: 'babs' })
    const renamed = await stage.recon()
    assert.deepEqual(renamed.statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.deepEqual(stage.two.ids(USERS), ['babs'])
    assert.deepEqual(await stage.outcomes(await stage.recon()), { s1: 'CONFIRMED UPDATE SUCCESS' })
  })

  it('about another object fails the row, and the link stays', async () => {
    const stage = await fakeStage()
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old' })
    stage.two.seed(USERS, [{ _id: 't2', userName: 'other' }])
    stage.one.seed(USERS, [{ _id: 's2', userName: 'other' }])
    await stage.recon()
    stage.one.change(USERS, 's1', { sn: 'New' })
    stage.two.intercept(`PATCH ${USERS}/t1`, otherId('t2'))
    assert.equal((await stage.outcomes(await stage.recon())).s1, 'CONFIRMED UPDATE FAILURE')
    const links = await stage.gateway.call('/repo/link?_queryFilter=firstId eq "s1"'.replaceAll(' ', '%20'))
    assert.equal(((links.json as JsonObject).result as JsonObject[])[0]?.secondId, 't1')
  })

  it('that is an error with status 200 fails the row', async () => {
    const stage = await fakeStage()
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old' })
    stage.two.intercept(`PATCH ${USERS}/t1`, errorIn200())
    const [row] = await stage.rows(await stage.recon())
    assert.equal(row?.status, 'FAILURE')
    assert.match(String(row?.message), /Script failed/)
  })

  it('to a create that is an error with status 200 fails the row, and an id of its own is the id', async () => {
    const stage = await fakeStage({ mapping: { properties: properties('userName', { source: '_id', target: '_id' }) } })
    stage.one.seed(USERS, [
      { _id: 's1', userName: 'a' },
      { _id: 's2', userName: 'b' },
    ])
    stage.two.intercept(`PUT ${USERS}/s1`, errorIn200())
    stage.two.intercept(`PUT ${USERS}/s2`, otherId('other'))
    const rows = await stage.rows(await stage.recon())
    assert.deepEqual(
      rows.map(({ status, targetObjectId }) => [status, targetObjectId]),
      [
        ['FAILURE', null],
        ['SUCCESS', 'other'],
      ],
    )
  })

  it('with another value than was sent is counted, and named when it is sent in vain again', async () => {
    const stage = await fakeStage({ two: { normalised: { sn: 'lowerCase' } } })
    stage.one.seed(USERS, [{ _id: 's1', userName: 'bjensen', sn: 'Jensen' }])
    assert.deepEqual((await stage.recon()).fieldSummary, { notTakenOver: { '/sn': 1 } })
    assert.deepEqual((await stage.recon()).fieldSummary, { writtenAgain: { '/sn': 1 }, notTakenOver: { '/sn': 1 } })
    stage.two.switches.normalised = {}
    await stage.recon()
    assert.equal((await stage.recon()).fieldSummary, undefined)
  })

  it('that shows nothing but the identity tells nothing about fields', async () => {
    const stage = await fakeStage()
    stage.one.seed(USERS, [{ _id: 's1', userName: 'bjensen', sn: 'Jensen' }])
    stage.two.intercept(
      `POST ${USERS}`,
      rewriteObject(({ _id = null, _rev = null }) => ({ _id, _rev })),
    )
    await stage.recon()
    const [id = ''] = stage.two.ids(USERS)
    stage.two.change(USERS, id, { sn: undefined })
    stage.writes()
    await stage.recon()
    assert.deepEqual(stage.writes(), [patched(id, replace('/sn', 'Jensen'))])
  })
})

describe('every read of a side asks for the fields of its scan', () => {
  const fields = { _queryFilter: 'true', _fields: '*,*_ref' }
  const mapping = {
    sourceQuery: fields,
    targetQuery: fields,
    properties: properties('userName', 'sn', 'roles'),
  }

  async function withRoles(): Promise<FakeStage> {
    const stage = await fakeStage({ mapping })
    for (const idm of [stage.one, stage.two]) idm.seed('managed/role', [{ _id: 'r1', name: 'Sales' }])
    const roles = [{ _ref: 'managed/role/r1' }]
    return pair(stage, { sn: 'Jensen', roles }, { sn: 'Old', roles })
  }
  const kept = (stage: FakeStage) => assert.deepEqual(stage.two.refs(USERS, 't1', 'roles'), ['managed/role/r1'])
  const asked = (stage: FakeStage) =>
    new Set(
      [stage.one, stage.two].flatMap(({ requests }) =>
        requests
          .filter(({ path }) => path.startsWith(USERS))
          .map(({ query }) => query._fields?.replaceAll('/', '').replace(',_id,_rev', '')),
      ),
    )

  it('after a conflict', async () => {
    const stage = await withRoles()
    stage.two.before(`PATCH ${USERS}/t1`, () => stage.two.change(USERS, 't1', { city: 'Oslo' }))
    await stage.recon()
    assert.equal(stage.two.object(USERS, 't1')?.sn, 'Jensen')
    kept(stage)
    assert.deepEqual(asked(stage), new Set(['*,*_ref']))
  })

  it('in reconById', async () => {
    const stage = await withRoles()
    await stage.recon('&id=s1')
    assert.equal(stage.two.object(USERS, 't1')?.sn, 'Jensen')
    kept(stage)
    assert.deepEqual(asked(stage), new Set(['*,*_ref']))
  })

  it('in an explicit action', async () => {
    const stage = await withRoles()
    const answer = await stage.gateway.call('/sync?_action=performAction&mapping=m&action=UPDATE&sourceId=s1', {
      method: 'POST',
    })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(stage.two.object(USERS, 't1')?.sn, 'Jensen')
    kept(stage)
    assert.deepEqual(asked(stage), new Set(['*,*_ref']))
  })

  it('in the target phase and in an approved plan', async () => {
    const stage = await withRoles()
    await stage.recon()
    stage.one.change(USERS, 's1', { sn: 'New' })
    // The scan misses the source: the target phase reads it by id.
    const plan = await stage.recon('&analyze=true', {
      sourceQuery: { ...fields, _queryFilter: 'userName eq "x"' },
      allowEmptySourceSet: true,
    })
    const executed = await stage.gateway.call(`/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`, {
      method: 'POST',
    })
    assert.equal(executed.status, 200, executed.text)
    assert.equal(stage.two.object(USERS, 't1')?.sn, 'New')
    kept(stage)
    assert.deepEqual(asked(stage), new Set(['*,*_ref']))
  })

  it('and reads whole objects where a page brings their identity only', async () => {
    const stage = await fakeStage()
    await pair(stage, { sn: 'Jensen' }, { sn: 'Jensen' })
    const { partialRows } = await import('../helpers/fake-idm/fake-idm.ts')
    stage.one.intercept(
      (request) => request.query._pageSize !== undefined && request.query._queryFilter === 'true',
      partialRows('s1'),
    )
    await stage.recon()
    assert.deepEqual(stage.writes(), [])
  })

  it('asks for mapped fields that the projection leaves out', async () => {
    const stage = await fakeStage({
      mapping: { defaultSourceFields: ['_id', '_rev', 'userName'], defaultTargetFields: ['_id', '_rev', 'userName'] },
    })
    await pair(stage, { sn: 'Jensen' }, { sn: 'Old' })
    await stage.recon()
    assert.deepEqual(stage.writes(), [patched('t1', replace('/sn', 'Jensen'))])
  })
})

describe('a mapping', () => {
  it('names the ways to update', async () => {
    const { mappingSchema } = await import('../../lib/sync/mapping/mapping.ts')
    const parsed = mappingSchema.safeParse({ ...MAPPING, updateMethod: 'post' })
    assert.match(String(parsed.error), /must be one of \\"patch\\", \\"put\\"/)
  })
})
