import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { type FakeStage, type FakeStageOptions, fakeStage, USERS } from './fake-stage.ts'

const js = (source: string): JsonObject => ({ type: 'text/javascript', source })
const user = (id: string, more: JsonObject = {}): JsonObject => ({ _id: id, userName: id, sn: id, ...more })

/** Writes to `two`, under a name of its own for each place. */
const direct = (place: string, then: string): JsonObject =>
  js(
    `openidm.create("external/idm/two/managed/log", "${place}-" + (typeof source === "object" && source && source._id || "x"), { place: "${place}" }); ${then}`,
  )

const WRITERS: Readonly<Record<string, (place: string, then: string) => JsonObject>> = {
  directly: direct,
  'through an endpoint': (place, then) => js(`openidm.action("endpoint/log", "note", { place: "${place}" }); ${then}`),
  'through a hook of a managed object that is read': (_place, then) => js(`openidm.read("managed/thing/t"); ${then}`),
  'through a filter of the router': (_place, then) => js(`openidm.read("managed/watched/none"); ${then}`),
}

const LOG = 'openidm.create("external/idm/two/managed/log", null, { by: "inner" })'
const CONF = {
  'endpoint-log.json': js(LOG),
  'managed.json': {
    objects: [{ name: 'thing', onRead: js(LOG) }, { name: 'watched' }],
  },
  'router.json': { filters: [{ pattern: '^managed/watched(/.*)?$', methods: ['read'], onRequest: js(LOG) }] },
}

/** A mapping with a script that writes in every place. */
function writing(writer: (place: string, then: string) => JsonObject): JsonObject {
  const hook = (place: string) => writer(place, 'null')
  return {
    linkQualifiers: writer('linkQualifiers', '["default"]'),
    validSource: writer('validSource', 'true'),
    validTarget: writer('validTarget', 'true'),
    sourceCondition: writer('sourceCondition', 'true'),
    correlationQuery: [
      {
        linkQualifier: 'default',
        ...writer('correlationQuery', '({ _queryFilter: "userName eq \\"" + source.userName + "\\"" })'),
      },
    ],
    properties: [
      { source: 'userName', target: 'userName' },
      { source: 'sn', target: 'sn', transform: writer('transform', 'source'), condition: writer('condition', 'true') },
    ],
    policies: ['ABSENT', 'FOUND', 'CONFIRMED', 'UNASSIGNED'].map((situation) => ({
      situation,
      condition: writer('policyCondition', 'true'),
      action: writer(
        'policyAction',
        JSON.stringify({ ABSENT: 'CREATE', FOUND: 'UPDATE', CONFIRMED: 'UPDATE', UNASSIGNED: 'DELETE' }[situation]),
      ),
      postAction: hook('postAction'),
    })),
    maxDeletes: '100%',
    ...Object.fromEntries(
      [
        'onCreate',
        'onUpdate',
        'onDelete',
        'onLink',
        'onUnlink',
        'onError',
        'onMapping',
        'postMapping',
        'onRecon',
        'result',
      ].map((name) => [name, hook(name)]),
    ),
  }
}

async function seeded(options: FakeStageOptions): Promise<FakeStage> {
  const stage = await fakeStage({ ...options, two: { collections: ['managed/log'], ...options.two } })
  await stage.gateway.call('/managed/thing/t', { method: 'PUT', json: { name: 't' } })
  stage.one.seed(
    USERS,
    ['absent', 'found'].map((id) => user(id)),
  )
  stage.two.seed(USERS, [user('t1', { userName: 'found', sn: 'old' }), user('orphan')])
  return stage
}

const lines = (stage: FakeStage) => stage.writes().map(([line]) => line)

async function execute({ gateway }: FakeStage, run: JsonObject, body?: JsonObject): Promise<JsonObject> {
  const path = `/recon/${String(run._id)}?_action=execute&waitForCompletion=true`
  const { status, json, text } = await gateway.call(path, { method: 'POST', ...(body && { json: body }) })
  assert.equal(status, 200, text)
  return (await gateway.call(`/recon/${String((json as JsonObject)._id)}`)).json as JsonObject
}

const messages = async (stage: FakeStage, run: JsonObject): Promise<Json[]> =>
  (await stage.rows(run)).map(({ message }) => message ?? null)

/** What each row would write. */
const recorded = async (stage: FakeStage, run: JsonObject) =>
  (await stage.rows(run)).map(({ writes, approximate }) => ({ writes, approximate }))

describe('an analysis writes nothing', () => {
  for (const [how, writer] of Object.entries(WRITERS))
    it(`though scripts in every place write ${how}`, async () => {
      const stage = await seeded({ mapping: writing(writer), conf: CONF })
      const run = await stage.recon('&analyze=true')
      assert.equal(run.state, 'SUCCESS', JSON.stringify(run))
      assert.deepEqual(
        [...stage.two.writes, ...stage.one.writes].map(({ line }) => line),
        [],
      )
      const found = (await stage.rows(run)).map(
        ({ situation, action, message }) => `${String(situation)} ${String(action)} ${String(message)}`,
      )
      assert.deepEqual(found, ['ABSENT CREATE null', 'FOUND UPDATE null', 'UNASSIGNED DELETE null'])
      for (const { writes } of await recorded(stage, run)) {
        const paths = new Set((writes as JsonObject[]).map(({ path }) => path))
        assert.deepEqual([...paths], ['external/idm/two/managed/log'])
      }
    })

  it('where its own reads reach a filter or a hook that writes', async () => {
    const filters = [{ pattern: '^external/idm/one/.*$', methods: ['query', 'read'], onRequest: js(LOG) }]
    const stage = await seeded({ conf: { ...CONF, 'router.json': { filters } } })
    assert.equal((await stage.recon('&analyze=true')).state, 'SUCCESS')
    assert.deepEqual(lines(stage), [])
  })

  it('and shows what the scripts of each row would write, in order, with stars for secrets', async () => {
    const action = js(
      'var p = "external/idm/two/managed/user/" + target._id;' +
        'openidm.patch(p, null, [{ operation: "replace", field: "/description", value: source._id }]);' +
        'openidm.create("external/idm/two/managed/log", source._id, { password: "Sesam", was: openidm.read(p).description }); "LINK"',
    )
    const stage = await seeded({
      mapping: {
        policies: [
          { situation: 'FOUND', action },
          { situation: 'UNASSIGNED', action: 'IGNORE' },
        ],
      },
    })
    const run = await stage.recon('&analyze=true')
    const [absent, found] = await recorded(stage, run)
    assert.deepEqual(absent, { writes: [], approximate: false })
    assert.deepEqual(found, {
      writes: [
        {
          method: 'patch',
          path: 'external/idm/two/managed/user/t1',
          content: [{ operation: 'replace', field: '/description', value: 'found' }],
        },
        {
          method: 'create',
          path: 'external/idm/two/managed/log',
          id: 'found',
          content: { password: '********', was: 'found' },
        },
      ],
      approximate: false,
    })
    const plan = (await stage.gateway.call(`/recon/plan/${String(run._id)}`)).json as { counts: JsonObject[] }
    assert.deepEqual(
      plan.counts.map(({ writing, approximate }) => [writing, approximate]),
      [
        [0, 0],
        [1, 0],
        [0, 0],
      ],
    )
  })

  it('keeps the writes of one row from the reads of another', async () => {
    const seen = 'var seen = openidm.read("external/idm/two/managed/user/orphan").description;'
    const write =
      'openidm.patch("external/idm/two/managed/user/orphan", null, [{ operation: "replace", field: "/description", value: source }]);'
    const stage = await seeded({
      mapping: {
        properties: [
          { source: 'userName', target: 'userName' },
          {
            source: 'userName',
            target: 'sn',
            transform: js(
              `${seen} ${write} String(seen) + "/" + openidm.read("external/idm/two/managed/user/orphan").description`,
            ),
          },
        ],
        policies: [{ situation: 'UNASSIGNED', action: 'IGNORE' }],
      },
    })
    const run = await stage.recon('&analyze=true')
    const names = (await stage.rows(run)).map(
      ({ changes }) => (changes as JsonObject[]).find(({ field }) => field === '/sn')?.to,
    )
    assert.deepEqual(names, ['undefined/absent', 'undefined/found', undefined])
  })

  it('shows what onMapping, onCreate and onUpdate set', async () => {
    const stage = await seeded({
      mapping: {
        onMapping: js('target.mail = "m@x"'),
        onCreate: js('target.description = "created " + target.userName'),
        onUpdate: js('target.description = "updated " + oldTarget.sn'),
        policies: [{ situation: 'UNASSIGNED', action: 'IGNORE' }],
      },
    })
    const run = await stage.recon('&analyze=true')
    const shown = (await stage.rows(run)).map(({ changes }) =>
      Object.fromEntries((changes as JsonObject[]).map(({ field, to }) => [String(field), to])),
    )
    assert.deepEqual(shown.slice(0, 2), [
      { '/userName': 'absent', '/sn': 'absent', '/mail': 'm@x', '/description': 'created absent' },
      { '/sn': 'found', '/mail': 'm@x', '/description': 'updated old' },
    ])
    await execute(stage, run)
    assert.deepEqual(
      lines(stage)
        .map((line) => line.replace(/^(PUT|POST) .*/, 'create'))
        .sort(),
      ['PATCH managed/user/t1', 'create'],
    )
    assert.equal(stage.two.object(USERS, 't1')?.description, 'updated old')
  })
})

describe('an approved plan with scripts that write', () => {
  const PATCHED = {
    situation: 'FOUND',
    action: js(
      'openidm.patch("external/idm/two/managed/user/" + target._id, null, [{ operation: "replace", field: "/description", value: source.sn }]); "LINK"',
    ),
  }
  const QUIET = { situation: 'UNASSIGNED', action: 'IGNORE' }
  const linked = (stage: FakeStage) =>
    stage.gateway.call('/repo/link?_queryFilter=true').then(({ json }) => (json as JsonObject).resultCount)

  it('makes its writes once, and then does what was decided', async () => {
    const stage = await seeded({ mapping: { policies: [PATCHED, QUIET, { situation: 'ABSENT', action: 'IGNORE' }] } })
    const run = await execute(stage, await stage.recon('&analyze=true'))
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 }, JSON.stringify(await messages(stage, run)))
    assert.deepEqual(stage.writes(), [
      ['PATCH managed/user/t1', [{ operation: 'replace', field: '/description', value: 'found' }]],
    ])
    assert.equal(await linked(stage), 1)
  })

  it('updates a target that its scripts have changed before', async () => {
    const action = js(`${String(PATCHED.action.source).replace('"LINK"', '"UPDATE"')}`)
    const stage = await seeded({
      mapping: { policies: [{ ...PATCHED, action }, QUIET, { situation: 'ABSENT', action: 'IGNORE' }] },
    })
    const run = await execute(stage, await stage.recon('&analyze=true'))
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 }, JSON.stringify(await messages(stage, run)))
    assert.deepEqual(lines(stage), ['PATCH managed/user/t1', 'PATCH managed/user/t1'])
    const { sn, description } = stage.two.object(USERS, 't1') ?? {}
    assert.deepEqual({ sn, description }, { sn: 'found', description: 'found' })
  })

  it('updates it where it has no revisions, in the same field, and not once its scripts have deleted it', async () => {
    const patch =
      'openidm.patch("external/idm/two/managed/user/" + target._id, null, [{ operation: "replace", field: "/sn", value: "by script" }]); "UPDATE"'
    const remove = 'openidm.delete("external/idm/two/managed/user/" + target._id, null); "UPDATE"'
    const outcomes = [patch, remove].map(async (source) => {
      const policies = [{ situation: 'FOUND', action: js(source) }, QUIET, { situation: 'ABSENT', action: 'IGNORE' }]
      const stage = await seeded({ mapping: { policies }, two: { revisions: 'none' } })
      const run = await execute(stage, await stage.recon('&analyze=true'))
      return [stage.two.object(USERS, 't1')?.sn, (await messages(stage, run))[1]]
    })
    assert.deepEqual(await Promise.all(outcomes), [
      ['found', null],
      [undefined, 'UPDATE needs a target object, and there is none'],
    ])
  })

  it('makes the writes of a row whose action does nothing', async () => {
    const action = js(String(PATCHED.action.source).replace('"LINK"', '"IGNORE"'))
    const stage = await seeded({
      mapping: { policies: [{ ...PATCHED, action }, QUIET, { situation: 'ABSENT', action: 'IGNORE' }] },
    })
    const analysis = await stage.recon('&analyze=true')
    const run = await execute(stage, analysis)
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 }, JSON.stringify(await messages(stage, run)))
    assert.deepEqual(lines(stage), ['PATCH managed/user/t1'])
  })

  it('skips and names a row whose scripts would write something else by now', async () => {
    const action = js(
      'var note = openidm.read("external/idm/two/managed/log/note").text;' +
        'openidm.patch("external/idm/two/managed/user/" + target._id, null, [{ operation: "replace", field: "/description", value: note }]); "LINK"',
    )
    const stage = await seeded({
      mapping: { policies: [{ situation: 'FOUND', action }, QUIET, { situation: 'ABSENT', action: 'IGNORE' }] },
    })
    stage.two.seed('managed/log', [{ _id: 'note', text: 'before' }])
    const analysis = await stage.recon('&analyze=true')
    stage.two.seed('managed/log', [{ _id: 'note', text: 'after' }])
    const run = await execute(stage, analysis)
    assert.deepEqual(lines(stage), [])
    assert.ok(
      (await messages(stage, run)).includes(
        'The output of its scripts has changed since the plan was made: nothing was done',
      ),
    )
    assert.equal(await linked(stage), 0)
  })

  it('skips and names a row that its scripts decide otherwise by now', async () => {
    const action = js('openidm.read("external/idm/two/managed/log/note").text')
    const stage = await seeded({
      mapping: { policies: [{ situation: 'FOUND', action }, QUIET, { situation: 'ABSENT', action: 'IGNORE' }] },
    })
    stage.two.seed('managed/log', [{ _id: 'note', text: 'UPDATE' }])
    const analysis = await stage.recon('&analyze=true')
    stage.two.seed('managed/log', [{ _id: 'note', text: 'DELETE' }])
    await execute(stage, analysis)
    assert.deepEqual(lines(stage), [])
    assert.ok(stage.two.object(USERS, 't1'))
  })

  it('carries out what is approximate only where it is told to, with the ids that the server chose', async () => {
    const action = js(
      'var made = openidm.create("external/idm/two/managed/log", null, { of: source._id });' +
        'openidm.patch("external/idm/two/managed/user/" + target._id, null, [{ operation: "replace", field: "/description", value: made._id }]); "LINK"',
    )
    const mapping = { policies: [{ situation: 'FOUND', action }, QUIET, { situation: 'ABSENT', action: 'IGNORE' }] }
    for (const allowApproximate of [false, true]) {
      const stage = await seeded({ mapping })
      const analysis = await stage.recon('&analyze=true')
      assert.deepEqual(
        (await recorded(stage, analysis)).map(({ approximate }) => approximate),
        [false, true, false],
      )
      const run = await execute(stage, analysis, allowApproximate ? { allowApproximate } : undefined)
      const failed = (await messages(stage, run)).filter((message) => message !== null)
      const [made] = stage.two.ids('managed/log')
      if (allowApproximate) {
        assert.deepEqual(failed, [])
        assert.ok(made)
        assert.equal(stage.two.object(USERS, 't1')?.description, made)
      } else {
        assert.match(String(failed), /it is applied with allowApproximate only/)
        assert.deepEqual(lines(stage), [])
      }
    }
  })

  it('stops before the action when a write fails, and says which were made', async () => {
    const action = js(
      'openidm.create("external/idm/two/managed/log", "one", {}); openidm.create("external/idm/two/managed/log", "two", {}); "DELETE"',
    )
    const stage = await seeded({
      mapping: {
        maxDeletes: '100%',
        policies: [{ situation: 'FOUND', action }, QUIET, { situation: 'ABSENT', action: 'IGNORE' }],
      },
    })
    const analysis = await stage.recon('&analyze=true')
    stage.two.intercept('* managed/log*', async (request, next) => {
      if (request.isWrite && JSON.stringify(request.line).includes('two'))
        return { status: 500, body: { code: 500, reason: 'x', message: 'full' } } as never
      return next(request)
    })
    const run = await execute(stage, analysis)
    const failed = (await messages(stage, run)).filter((message) => message !== null)
    assert.match(
      String(failed),
      /create of external\/idm\/two\/managed\/log, which a script of the mapping requested, failed: .*; of 2 such writes the first 1 were made/,
    )
    assert.ok(stage.two.object(USERS, 't1'))
  })

  it('sends what a hook has made of the target when it was planned, such as a new password', async () => {
    const stage = await seeded({
      mapping: {
        onCreate: js('target.description = "secret" + Math.random(); target._id = "chosen"'),
        policies: [QUIET, { situation: 'FOUND', action: 'IGNORE' }],
      },
    })
    const analysis = await stage.recon('&analyze=true')
    const [{ changes } = {}] = await stage.rows(analysis)
    const planned = (changes as JsonObject[]).find(({ field }) => field === '/description')?.to
    await execute(stage, analysis)
    assert.equal(stage.two.object(USERS, 'chosen')?.description, planned)
  })

  it('in a run without approval scripts write themselves', async () => {
    const stage = await seeded({ mapping: { policies: [PATCHED, QUIET, { situation: 'ABSENT', action: 'IGNORE' }] } })
    await stage.recon()
    assert.deepEqual(lines(stage), ['PATCH managed/user/t1'])
  })
})

describe('the scripts of policies', () => {
  it('run for as many objects at a time as the mapping has threads', async () => {
    const slow = (action: string) => js(`openidm.read("external/idm/one/managed/slow/x"); "${action}"`)
    const stage = await fakeStage({
      mapping: { taskThreads: 10, policies: [{ situation: 'FOUND', action: slow('LINK') }] },
      one: { collections: ['managed/slow'] },
    })
    stage.one.seed('managed/slow', [{ _id: 'x' }])
    const waiting: (() => void)[] = []
    // Answered ten at a time: one after the other the scripts would wait until their time is up.
    stage.one.intercept('GET managed/slow/*', async (request, next) => {
      await new Promise<void>((done) => {
        waiting.push(done)
        if (waiting.length === 10) for (const release of waiting.splice(0)) release()
      })
      return next(request)
    })
    const ids = Array.from({ length: 30 }, (_, index) => `u${index}`)
    stage.one.seed(
      USERS,
      ids.map((id) => user(id)),
    )
    stage.two.seed(
      USERS,
      ids.map((id) => user(id)),
    )
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 30, FAILURE: 0 })
  })

  it('are told what sources before have taken', async () => {
    const action = js('source.sn === "late" ? "IGNORE" : "LINK"')
    const stage = await fakeStage({
      mapping: { policies: ['FOUND', 'FOUND_ALREADY_LINKED'].map((situation) => ({ situation, action })) },
    })
    stage.one.seed(USERS, [user('a', { userName: 'same' }), user('b', { userName: 'same', sn: 'late' })])
    stage.two.seed(USERS, [user('t', { userName: 'same' })])
    assert.deepEqual(await stage.outcomes(await stage.recon()), {
      a: 'FOUND LINK SUCCESS',
      b: 'FOUND_ALREADY_LINKED IGNORE SUCCESS',
    })
  })
})
