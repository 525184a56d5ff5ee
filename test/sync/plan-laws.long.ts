import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { type FakeStage, fakeStage } from './fake-stage.ts'

const RUNS = Number(process.env.PLAN_RUNS ?? 20)

/** What one script does before it yields its value, with the object `NAME` of a collection that no mapping is about. */
const OPERATIONS: Readonly<Record<string, string>> = {
  set: 'if (openidm.read(o)) openidm.patch(o, null, [{ operation: "replace", field: "/a", value: n }])',
  copy: 'if (openidm.read(o)) openidm.patch(o, null, [{ operation: "replace", field: "/b", value: openidm.read(o).a }])',
  replace:
    'var was = openidm.read(o); if (was) openidm.update(o, was._rev, { _id: was._id, a: n, was: String(was.b) })',
  remove: 'if (openidm.read(o)) openidm.delete(o, null)',
  make: 'if (!openidm.read(o)) openidm.create(log, k, { a: n })',
  more: 'if (!openidm.read(o + "-" + n)) openidm.create(log, k + "-" + n, { a: n })',
  read: 'openidm.read(o)',
}

/** The places of scripts, each with the object that it is about and what it yields. */
const PLACES = {
  linkQualifiers: ['object', '["default"]'],
  validSource: ['source', 'true'],
  correlationQuery: ['source', '({ _queryFilter: "userName eq \\"" + k + "\\"" })'],
  transform: ['source', 'String((openidm.read(o) || {}).a)'],
  policyCondition: ['(object || { userName: "none" })', 'true'],
  policyAction: ['(source || target)', ''],
  onMapping: ['source', 'null'],
  onCreate: ['source', 'target.description = String((openidm.read(o) || {}).b)'],
  onUpdate: ['source', 'target.description = "u"'],
} as const satisfies Readonly<Record<string, readonly [object: string, value: string]>>

type Place = keyof typeof PLACES

interface World {
  /** The operations of the script in each place; without any there is none, where a mapping can do without. */
  readonly scripts: Readonly<Record<Place, readonly string[]>>
  readonly actions: Readonly<Record<'ABSENT' | 'FOUND' | 'UNASSIGNED', string>>
  readonly taskThreads: number
}

const operations = fc.array(fc.constantFrom(...Object.keys(OPERATIONS)), { maxLength: 3 })

const worlds: Arbitrary<World> = fc.record({
  scripts: fc.record(
    Object.fromEntries(Object.keys(PLACES).map((place) => [place, operations])) as Record<Place, typeof operations>,
  ),
  actions: fc.record({
    ABSENT: fc.constantFrom('CREATE', 'IGNORE'),
    FOUND: fc.constantFrom('UPDATE', 'LINK', 'IGNORE', 'DELETE'),
    UNASSIGNED: fc.constantFrom('DELETE', 'IGNORE'),
  }),
  taskThreads: fc.constantFrom(1, 3),
})

function mappingOf({ scripts, actions, taskThreads }: World, n: number): JsonObject {
  const script = (place: Place, value: string = PLACES[place][1]): JsonObject => {
    const start = `var k = ${PLACES[place][0]}.userName, log = "external/idm/two/managed/l${n}", o = log + "/" + k, n = "${place}";`
    const source = [start, ...scripts[place].map((name) => `${OPERATIONS[name]};`), value].join('\n')
    return { type: 'text/javascript', source }
  }
  const optional = (place: 'onMapping' | 'onCreate' | 'onUpdate' | 'validSource' | 'linkQualifiers') =>
    scripts[place].length > 0 ? { [place]: script(place) } : {}
  return {
    name: `m${n}`,
    source: `external/idm/one/managed/s${n}`,
    target: `external/idm/two/managed/t${n}`,
    maxDeletes: '100%',
    maxClears: '100%',
    taskThreads,
    properties: [
      { source: 'userName', target: 'userName' },
      { source: '', target: 'sn', transform: script('transform') },
    ],
    correlationQuery: [{ linkQualifier: 'default', ...script('correlationQuery') }],
    policies: Object.entries(actions).map(([situation, action]) => ({
      situation,
      condition: script('policyCondition'),
      action: script('policyAction', JSON.stringify(action)),
    })),
    ...optional('linkQualifiers'),
    ...optional('validSource'),
    ...optional('onMapping'),
    ...optional('onCreate'),
    ...optional('onUpdate'),
  }
}

type Sent = readonly [line: string, body: Json]

/** What a recorded write is when it is sent. */
function sentAs({ method, path, id, content }: JsonObject): Sent {
  const place = String(path).replace('external/idm/two/', '')
  if (method === 'create') return [`PUT ${place}/${String(id)}`, content ?? null]
  if (method === 'delete') return [`DELETE ${place}`, null]
  return [`${method === 'patch' ? 'PATCH' : 'PUT'} ${place}`, content ?? null]
}

/** What the action of a row sends; the body of a create or update is that of the plan, told by `changes`. */
function actionLine({ action, targetObjectId, changes }: JsonObject, n: number): string[] {
  const place = `managed/t${n}`
  if (action === 'CREATE') return [`create ${place}`]
  if (action === 'DELETE') return [`DELETE ${place}/${String(targetObjectId)}`]
  return action === 'UPDATE' && (changes as Json[]).length > 0 ? [`PATCH ${place}/${String(targetObjectId)}`] : []
}

describe('scripts of a mapping that write what they like', function () {
  this.timeout(120_000 + RUNS * 10_000)

  it('write nothing in an analysis, and exactly what it shows when its plan is carried out', async () => {
    const stage = await fakeStage()
    let n = 0
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        n += 1
        await checkWorld(stage, world, n)
      }),
      { numRuns: RUNS },
    )
  })
})

async function checkWorld(stage: FakeStage, world: World, n: number): Promise<void> {
  const { one, two, gateway } = stage
  const named = (names: readonly string[]) => names.map((name) => ({ _id: name, userName: name, a: 'start', b: name }))
  one.seed(`managed/s${n}`, named(['absent', 'found']))
  two.seed(`managed/t${n}`, named(['found', 'orphan']))
  two.seed(`managed/l${n}`, named(['absent', 'found']))
  await stage.configure([mappingOf(world, n)])
  one.clearRequests()
  two.clearRequests()

  const analysis = await stage.recon('&analyze=true', undefined, `m${n}`)
  assert.equal(analysis.state, 'SUCCESS', JSON.stringify(analysis))
  assert.deepEqual(
    [...one.writes, ...two.writes].map(({ line }) => line),
    [],
  )
  const rows = (await stage.rows(analysis)) as JsonObject[]
  assert.deepEqual(
    rows.filter(({ status }) => status === 'FAILURE'),
    [],
  )

  const answer = await gateway.call(`/recon/${String(analysis._id)}?_action=execute&waitForCompletion=true`, {
    method: 'POST',
  })
  const run = (await gateway.call(`/recon/${String((answer.json as JsonObject)._id)}`)).json as JsonObject
  const failed = (await stage.rows(run)).filter(({ status }) => status !== 'SUCCESS')
  assert.deepEqual(failed, [], JSON.stringify(failed))
  const sent = stage.writes()
  const ofScripts = sent.filter(([line]) => line.includes(`managed/l${n}`))
  for (const { sourceObjectId, targetObjectId, writes } of rows) {
    // The condition of a policy knows no target.
    const key = String(sourceObjectId ?? `(${String(targetObjectId)}|none)`)
    const own = ofScripts.filter(([line]) => new RegExp(`/${key}(-|$|\\?)`).test(line))
    assert.deepEqual(own.map(bare), (writes as JsonObject[]).map(sentAs).map(bare))
  }
  const ofActions = sent
    .filter(([line]) => !line.includes(`managed/l${n}`))
    .map(([line]) => line.replace(/^(POST|PUT) (managed\/t\d+).*/, 'create $2'))
  const open = rows.filter(({ status }) => status === null)
  assert.deepEqual(ofActions.sort(), open.flatMap((row) => actionLine(row, n)).sort())
  for (const { action, sourceObjectId, changes } of open)
    if (action === 'CREATE' || action === 'UPDATE') {
      const target = two
        .ids(`managed/t${n}`)
        .map((id) => two.object(`managed/t${n}`, id))
        .find((object) => object?.userName === sourceObjectId)
      for (const { field, to } of changes as JsonObject[]) assert.equal(target?.[String(field).slice(1)], to)
    }
}

/** The body without identity, of a line without query. */
function bare([line, body]: Sent): Json {
  const content = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : undefined
  const { _id, _rev, ...rest } = content ?? {}
  return [line.replace(/\?.*/, ''), content ? rest : body || null]
}
