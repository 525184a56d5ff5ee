import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { parseJson } from '../../lib/core/json.ts'
import { differences, patchOperations } from '../../lib/sync/evaluate/difference.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { LONG_NUMBERS } from '../helpers/json-text.ts'
import { typed } from './command-stage.ts'
import { type RemoteIdm, startRemoteIdm, startSyncGateway, writes } from './gateways.ts'

const SOURCE = 'external/idm/one/managed/user'
const TARGET = 'external/idm/two/managed/user'
const POISON = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}'

const correlatedBy = (field: string): JsonObject[] => [
  {
    linkQualifier: 'default',
    expressionTree: { any: [field] },
    type: 'text/javascript',
    file: 'ui/correlateTreeToQueryFilter.js',
  },
]
const copied = (...names: string[]): JsonObject[] => names.map((name) => ({ source: name, target: name }))

describe('a reconciliation loses no digit and no member', () => {
  let source: RemoteIdm
  let target: RemoteIdm
  beforeEach(async () => {
    source = await startRemoteIdm()
    target = await startRemoteIdm()
  })
  afterEach(() => {
    for (const value of [{}, [], () => undefined]) assert.equal(Reflect.get(value, 'polluted'), undefined)
    assert.equal(Reflect.get(Object, 'polluted'), undefined)
  })

  const put = (remote: RemoteIdm, id: string, content: string): Promise<JsonObject> =>
    remote.connection.create('managed/user', id, parseJson(content))
  const contentOf = async (remote: RemoteIdm, id: string): Promise<string> => {
    const { _id, _rev, ...content } = (await remote.connection.read(`managed/user/${id}`)) ?? {}
    return JSON.stringify(content)
  }
  const start = (properties: JsonObject[], more: JsonObject = {}): Promise<TestGateway> =>
    startSyncGateway({ one: source, two: target }, [
      { name: 'm', source: SOURCE, target: TARGET, correlationQuery: correlatedBy('userName'), properties, ...more },
    ])
  /** Runs the mapping. @returns how many objects it has written */
  const reconcile = async (gateway: TestGateway): Promise<number> => {
    const before = writes(target)
    const started = await gateway.call('/recon?_action=recon&mapping=m&waitForCompletion=true', { method: 'POST' })
    const { json } = await gateway.call(`/recon/${(started.json as { _id: string })._id}`)
    const run = json as { state: string; statusSummary: { FAILURE: number }; stageDescription: string }
    assert.deepEqual([run.state, run.statusSummary.FAILURE], ['SUCCESS', 0], run.stageDescription)
    return writes(target) - before
  }

  it('in a field of a target that the mapping does not name', async () => {
    const kept = `"numbers":[${LONG_NUMBERS.join()}],"serial":9007199254740993,${POISON}`
    await put(source, 'a', '{"userName":"bo","sn":"new"}')
    await put(target, 'b', `{"userName":"bo","sn":"old",${kept}}`)
    const gateway = await start(copied('userName', 'sn'))
    assert.equal(await reconcile(gateway), 1)
    assert.equal(await contentOf(target, 'b'), `{"userName":"bo","sn":"new",${kept}}`)
    assert.equal(await reconcile(gateway), 0)
  })

  const scripted = (name: string): JsonObject => ({
    source: name,
    target: name,
    transform: { type: 'text/javascript', source: 'source' },
  })
  for (const [how, properties] of [
    ['copies', copied('userName', 'serial', 'data')],
    ['passes through scripts', ['userName', 'serial', 'data'].map(scripted)],
    [
      'has a script take out of the source',
      [
        ...copied('userName', 'data'),
        { source: '', target: 'serial', transform: { type: 'text/javascript', source: 'source.serial' } },
      ],
    ],
  ] as const)
    it(`in what it ${how}, and sees the smallest change`, async () => {
      // Without a number that is the same double as the serials: a script could not tell them apart.
      const data = `{"numbers":[${LONG_NUMBERS.slice(1).join()}],${POISON}}`
      await put(source, 'a', `{"userName":"bo","serial":9007199254740993,"data":${data}}`)
      await put(source, 'c', `{"userName":"cy","serial":9007199254740992,"data":${data}}`)
      await put(target, 'a', '{"userName":"bo","serial":9007199254740992}')
      const gateway = await start([...properties])
      assert.equal(await reconcile(gateway), 2)
      assert.equal(await contentOf(target, 'a'), `{"userName":"bo","serial":9007199254740993,"data":${data}}`)
      const { result } = await target.connection.query('managed/user', { _queryFilter: 'userName eq "cy"' })
      assert.equal(JSON.stringify(result[0]?.serial), '9007199254740992')
      assert.equal(await reconcile(gateway), 0)
      const value = JSON.rawJSON('9007199254740991.5')
      await source.connection.patch('managed/user/a', null, [{ operation: 'replace', field: 'serial', value }])
      assert.equal(await reconcile(gateway), 1)
      assert.match(await contentOf(target, 'a'), /"serial":9007199254740991\.5,/)
    })

  it('in hooks', async () => {
    const content = `"serial":9007199254740993,"rate":1e400,${POISON}`
    await put(source, 'a', '{"userName":"bo","sn":"new"}')
    await put(target, 'b', `{"userName":"bo","sn":"old",${content}}`)
    const hook = { type: 'text/javascript', source: 'target.seen = true' }
    const gateway = await start(copied('userName', 'sn'), { onUpdate: hook })
    assert.equal(await reconcile(gateway), 1)
    assert.equal(await contentOf(target, 'b'), `{"userName":"bo","sn":"new",${content},"seen":true}`)
  })

  it('where it correlates by numbers that are next to each other', async () => {
    const serials = ['7000000000000000001', '7000000000000000002', '7000000000000000003']
    for (const [index, serial] of serials.entries()) {
      await put(source, `s${index}`, `{"serial":${serial},"sn":"${index}"}`)
      await put(target, `t${index}`, `{"serial":${serial}}`)
    }
    const gateway = await start(copied('serial', 'sn'), { correlationQuery: correlatedBy('serial') })
    assert.equal(await reconcile(gateway), 3)
    for (const [index, serial] of serials.entries())
      assert.equal(await contentOf(target, `t${index}`), `{"serial":${serial},"sn":"${index}"}`)
    assert.equal(await reconcile(gateway), 0)
  })

  it('on a page with one object of odd members, all of which it maps', async () => {
    for (const id of ['a', 'b', 'c']) await put(source, id, `{"userName":"${id}"}`)
    await put(source, 'odd', `{"userName":"odd",${POISON},"prototype":1}`)
    const gateway = await start([
      ...copied('userName', 'constructor', 'prototype'),
      { source: '__proto__/polluted', target: '__proto__/polluted' },
      { source: '__proto__', target: 'copy/__proto__' },
    ])
    assert.equal(await reconcile(gateway), 4)
    const { result } = await target.connection.query('managed/user', { _queryFilter: 'userName eq "odd"' })
    const { _id, _rev, ...content } = result[0] ?? {}
    assert.equal(
      JSON.stringify(content),
      '{"userName":"odd","constructor":{"prototype":{"polluted":1}},"prototype":1,"__proto__":{"polluted":1},"copy":{"__proto__":{"polluted":1}}}',
    )
    assert.equal(await reconcile(gateway), 0)
    const script = { type: 'text/javascript', source: `openidm.read("${SOURCE}/odd")` }
    const read = await gateway.call('/script?_action=eval', { method: 'POST', json: script })
    assert.ok(read.text.endsWith(`"userName":"odd",${POISON},"prototype":1}`), read.text)
  })

  it('maps a whole member called __proto__ without a script, and with one', async () => {
    await put(source, 'odd', `{"userName":"odd",${POISON}}`)
    const properties = [...copied('userName', '__proto__'), scripted('constructor')]
    for (const own of [copied('userName', '__proto__', 'constructor'), properties]) {
      const gateway = await start(own)
      await reconcile(gateway)
      const { result } = await target.connection.query('managed/user', { _queryFilter: 'true' })
      const { _id, _rev, ...content } = result[0] ?? {}
      assert.equal(JSON.stringify(content), `{"userName":"odd",${POISON}}`)
      await target.connection.delete(`managed/user/${String(_id)}`, null)
    }
  })

  it('in the plan that a person sees', async () => {
    await put(source, 'a', '{"userName":"bo","serial":9007199254740993}')
    await put(target, 'a', '{"userName":"bo","serial":9007199254740992}')
    const gateway = await start(copied('userName', 'serial'))
    const dry = await gateway.call(
      '/recon?_action=recon&mapping=m&waitForCompletion=true&analyze=true&persistAssociations=true',
      {
        method: 'POST',
      },
    )
    const { text } = await gateway.call(`/recon/plan/${(dry.json as { _id: string })._id}/entry?_queryFilter=true`)
    assert.match(text, /"from":9007199254740992,"to":9007199254740993/)
    const { stdout } = await typed(gateway.url, ['m', '--dry-run'])
    assert.match(stdout, /\/serial: 9007199254740992 → 9007199254740993/)
    const audit = await gateway.call(encodeURI('/audit/recon?_queryFilter=reconId eq 9007199254740993'))
    assert.deepEqual((audit.json as JsonObject).result, [])
  })
})

describe('differences', () => {
  it('in members called as those of a prototype are those of own members', () => {
    const odd = parseJson(`{${POISON}}`) as JsonObject
    assert.equal(
      JSON.stringify(differences({}, odd)),
      '[{"field":"/__proto__","from":null,"to":{"polluted":1}},{"field":"/constructor","from":null,"to":{"prototype":{"polluted":1}}}]',
    )
    assert.deepEqual(
      patchOperations(differences({}, odd)).map((operation) => JSON.stringify(operation)),
      [
        '{"operation":"replace","field":"/__proto__","value":{"polluted":1}}',
        '{"operation":"replace","field":"/constructor","value":{"prototype":{"polluted":1}}}',
      ],
    )
    assert.deepEqual(
      patchOperations(differences(odd, {})).map((operation) => (operation as JsonObject).operation),
      ['remove', 'remove'],
    )
    assert.deepEqual(differences(odd, parseJson(`{${POISON}}`) as JsonObject), [])
  })
})
