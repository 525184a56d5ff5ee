import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { beginOf } from '../../lib/sync/runs/resume.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import { cutAfter, errorAnswer, type FakeIdm, held, respond } from '../helpers/fake-idm/fake-idm.ts'
import { writeFiles } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { type FakeStage, type FakeStageOptions, fakeStage, MAPPING, SOURCE, TARGET, USERS } from './fake-stage.ts'

const COUNT = 12
const SIDE = 'managed/device'
const js = (source: string): JsonObject => ({ type: 'text/javascript', source })

type Call = TestGateway['call']

/** Without correlation, one row at a time: what was interrupted is known. */
async function stageOf(mapping: JsonObject = {}, options: FakeStageOptions = {}): Promise<FakeStage> {
  const stage = await fakeStage({ ...options, mapping: { correlationQuery: [], taskThreads: 1, ...mapping } })
  stage.one.seed(
    USERS,
    Array.from({ length: COUNT }, (_, index) => ({ _id: `u${index}`, userName: `name ${index}`, sn: 'x' })),
  )
  return stage
}

const started = async (call: Call, path: string, json?: JsonObject): Promise<string> => {
  const answer = await call(path, { method: 'POST', ...(json && { json }) })
  assert.equal(answer.status, 200, answer.text)
  return String((answer.json as JsonObject)._id)
}

const readRun = async (call: Call, id: string) => (await call(`/recon/${id}`)).json as JsonObject

/** Stops the gateway of a run when the remote has taken its `count`th request of this kind, and starts another one. */
async function interrupted(
  { gateway }: FakeStage,
  { remote, line, count }: { readonly remote: FakeIdm; readonly line: RegExp; readonly count: number },
  start: (call: Call) => Promise<string>,
): Promise<{ id: string; call: Call }> {
  const hold = held()
  let seen = 0
  const interception = remote.intercept(
    (request) => line.test(request.line) && ++seen > count,
    (request, next) => hold(request, next),
  )
  const id = await start(gateway.call)
  await until(() => hold.waiting > 0, `request ${count + 1}`)
  const stopped = gateway.gateway.stop()
  hold.release()
  interception.remove()
  await stopped
  const { call } = await startGateway({ project: gateway.project, plugins: [packageRoot] })
  return { id, call }
}

const recon = (call: Call) => started(call, '/recon?_action=recon&mapping=m&persistAssociations=true')
const resume = async (call: Call, id: string): Promise<JsonObject> => {
  await started(call, `/recon/${id}?_action=resume&waitForCompletion=true`)
  return readRun(call, id)
}
const creation = /^PUT managed\/user\//
const atWrites = ({ two }: FakeStage, count = 3) => ({ remote: two, line: creation, count })
const sns = ({ two }: FakeStage) => two.objects(USERS).map(({ sn }) => sn)

describe('a run that is resumed', function () {
  this.timeout(120_000)

  it('runs its hooks once for each row', async () => {
    const stage = await stageOf(
      {
        onCreate: js('target.sn = source.sn + "!"'),
        onLink: js(`openidm.create('external/idm/two/${SIDE}', null, {what: 'onLink', who: source.userName})`),
        postMapping: js(
          `openidm.create('external/idm/two/${SIDE}', null, {what: 'postMapping', who: source.userName})`,
        ),
      },
      { two: { collections: [SIDE] } },
    )
    const { id, call } = await interrupted(stage, atWrites(stage), recon)
    assert.deepEqual((await resume(call, id)).statusSummary, { SUCCESS: COUNT, FAILURE: 0 })
    assert.deepEqual(sns(stage), Array(COUNT).fill('x!'))
    const effects = stage.two.objects(SIDE).map(({ what, who }) => `${String(what)} ${String(who)}`)
    assert.equal(effects.length, 2 * COUNT)
    assert.equal(new Set(effects).size, 2 * COUNT)
  })

  it('executes the writes that an approved plan has recorded once', async () => {
    const script = `openidm.create('external/idm/two/${SIDE}', 'of ' + source.userName, {a: 1}); true`
    const stage = await stageOf({ validSource: js(script) }, { two: { collections: [SIDE] } })
    const plan = await started(
      stage.gateway.call,
      '/recon?_action=recon&mapping=m&analyze=true&persistAssociations=true&waitForCompletion=true',
    )
    assert.deepEqual(stage.two.ids(SIDE), [])
    const { id, call } = await interrupted(stage, atWrites(stage), (call) =>
      started(call, `/recon/${plan}?_action=execute`),
    )
    const after = await resume(call, id)
    assert.deepEqual(after.statusSummary, { SUCCESS: COUNT, FAILURE: 0 })
    assert.deepEqual([stage.two.ids(SIDE).length, stage.two.ids(USERS).length], [COUNT, COUNT])
  })

  it('carries out the part of an approved plan that it was started with, and no more', async () => {
    const stage = await stageOf()
    const plan = await started(
      stage.gateway.call,
      '/recon?_action=recon&mapping=m&analyze=true&persistAssociations=true&waitForCompletion=true',
    )
    const { id, call } = await interrupted(stage, atWrites(stage), (call) =>
      started(call, `/recon/${plan}?_action=execute`, { only: 'creates', limit: 8 }),
    )
    assert.deepEqual((await resume(call, id)).statusSummary, { SUCCESS: 8, FAILURE: 0 })
    assert.equal(stage.two.ids(USERS).length, 8)
    assert.equal(((await call(`/recon/plan/${plan}`)).json as JsonObject).state, 'PARTLY')
    await started(call, `/recon/${plan}?_action=execute&waitForCompletion=true`)
    assert.equal(stage.two.ids(USERS).length, COUNT)
  })

  it('plans again when it was interrupted while it planned', async () => {
    const stage = await stageOf()
    const { id, call } = await interrupted(
      stage,
      { remote: stage.one, line: /^GET managed\/user$/, count: 0 },
      (call) => started(call, '/recon?_action=recon&mapping=m&analyze=true&persistAssociations=true'),
    )
    assert.equal((await readRun(call, id)).stage, 'INTERRUPTED')
    stage.one.seed(USERS, [{ _id: 'late', userName: 'late', sn: 'x' }])
    const after = await resume(call, id)
    assert.equal((after.situationSummary as JsonObject).ABSENT, COUNT + 1)
    assert.equal(stage.two.ids(USERS).length, 0)
    await started(call, `/recon/${id}?_action=execute&waitForCompletion=true`)
    assert.equal(stage.two.ids(USERS).length, COUNT + 1)
  })

  it('is refused when the mapping has changed: another run creates nothing twice', async () => {
    const stage = await stageOf()
    const { id, call } = await interrupted(stage, atWrites(stage), recon)
    const mappings = [{ ...MAPPING, correlationQuery: [], taskThreads: 2 }]
    assert.equal((await call('/config/sync', { method: 'PUT', json: { mappings } })).status, 200)
    const refused = await call(`/recon/${id}?_action=resume`, { method: 'POST' })
    assert.equal(refused.status, 409, refused.text)
    assert.match(refused.text, /start another run/)
    await started(call, '/recon?_action=recon&mapping=m&waitForCompletion=true')
    assert.equal(stage.two.ids(USERS).length, COUNT)
  })

  it('is resumed once: of two requests one is refused', async () => {
    const stage = await stageOf()
    const { id, call } = await interrupted(stage, atWrites(stage), recon)
    const answers = await Promise.all(
      [1, 2].map(() => call(`/recon/${id}?_action=resume&waitForCompletion=true`, { method: 'POST' })),
    )
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409])
    assert.equal(stage.two.ids(USERS).length, COUNT)
  })

  it('leaves alone what has changed since, and updates nothing twice', async () => {
    const stage = await stageOf({ policies: [{ situation: 'CONFIRMED', action: 'UPDATE' }] })
    await stage.recon()
    stage.one.seed(
      USERS,
      Array.from({ length: COUNT }, (_, index) => ({ _id: `u${index}`, userName: `name ${index}`, sn: 'y' })),
    )
    const line = /^PATCH managed\/user\//
    const { id, call } = await interrupted(stage, { remote: stage.two, line, count: 3 }, recon)
    stage.one.seed(USERS, [{ _id: `u${COUNT - 1}`, userName: `name ${COUNT - 1}`, sn: 'z' }])
    const patches = () => stage.two.writes.filter((request) => line.test(request.line)).length
    const before = patches()
    const after = await resume(call, id)
    assert.deepEqual(after.statusSummary, { SUCCESS: COUNT - 1, FAILURE: 0, SKIPPED: 1 })
    assert.equal(patches(), COUNT - 1)
    assert.ok(before > 0 && before < COUNT - 1)
    assert.deepEqual(sns(stage).sort(), ['x', ...Array(COUNT - 1).fill('y')])
  })

  it('deletes no object whose source has come back', async () => {
    const policies = [{ situation: 'SOURCE_MISSING', action: 'DELETE' }]
    const stage = await stageOf({ policies, maxDeletes: '100%' })
    await stage.recon()
    for (let index = 1; index < COUNT; index++) stage.one.delete(USERS, `u${index}`)
    const line = /^DELETE managed\/user\//
    const { id, call } = await interrupted(stage, { remote: stage.two, line, count: 3 }, recon)
    const left = stage.two.ids(USERS).length
    assert.ok(left > 2 && left < COUNT, `${left} are left`)
    const back = stage.two.objects(USERS).find(({ userName }) => userName !== 'name 0')
    const index = Number(String(back?.userName).slice('name '.length))
    stage.one.seed(USERS, [{ _id: `u${index}`, userName: `name ${index}`, sn: 'x' }])
    const after = await resume(call, id)
    assert.equal((after.statusSummary as JsonObject).SKIPPED, 1)
    assert.deepEqual(
      stage.two
        .objects(USERS)
        .map(({ userName }) => userName)
        .sort(),
      ['name 0', `name ${index}`].sort(),
    )
  })

  it('goes on by itself when the gateway starts, where resumeRuns says so', async () => {
    const stage = await stageOf()
    await writeFiles(stage.gateway.project.conf, { 'gateway.json': { resumeRuns: true } })
    const { id, call } = await interrupted(stage, atWrites(stage), recon)
    await until(async () => (await readRun(call, id)).state === 'SUCCESS', 'the run is resumed')
    assert.equal(stage.two.ids(USERS).length, COUNT)
  })

  it('comes before a run in the other direction, for which its objects would be new sources', async () => {
    const back = { ...MAPPING, name: 'back', source: TARGET, target: SOURCE, links: 'm' }
    const stage = await stageOf({}, { more: [{ ...back, correlationQuery: [] }] })
    const lost = stage.two.intercept(`PUT ${USERS}/*`, cutAfter(), { times: 1 })
    const blind = stage.two.intercept(`GET ${USERS}/*-*`, respond(errorAnswer(500, 'broken')))
    const run = await stage.recon()
    assert.equal(run.stage, 'INTERRUPTED')
    for (const one of [lost, blind]) one.remove()
    const refused = await stage.recon('', undefined, 'back')
    assert.equal(refused.state, 'FAILED')
    assert.match(String(refused.stageDescription), /reconcile m first/)
    assert.equal((await resume(stage.gateway.call, String(run._id))).state, 'SUCCESS')
    const after = await stage.recon('', undefined, 'back')
    assert.equal(after.state, 'SUCCESS', String(after.stageDescription))
    assert.deepEqual([stage.one.ids(USERS).length, stage.two.ids(USERS).length], [COUNT, COUNT])
  })

  it('has a begin even if the crash came before that was stored', () => {
    const content = { started: '2026-01-02T03:04:05.000Z' }
    assert.equal(new Date(beginOf({ content } as never)).toISOString(), content.started)
    assert.ok(Math.abs(beginOf({ content: {} } as never) - Date.now()) < 60_000)
  })
})
