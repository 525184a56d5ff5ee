import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import type { Connection } from '../../lib/crest/protocol/connection.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { startSyncGateway } from './gateways.ts'

const LOCAL = 'managed/account'
const MANAGED = { objects: [{ name: 'account', schema: { properties: {} } }] }

/** The table of the source phase and that of the target phase, with the default actions: by the object that shows it. */
const TABLES: Readonly<Record<string, readonly [phase: string, row: string]>> = {
  confirmed: ['source', 'CONFIRMED UPDATE SUCCESS'],
  missing: ['source', 'MISSING EXCEPTION FAILURE'],
  absent: ['source', 'ABSENT CREATE SUCCESS'],
  found: ['source', 'FOUND UPDATE SUCCESS'],
  taken: ['source', 'FOUND_ALREADY_LINKED EXCEPTION FAILURE'],
  twins: ['source', 'AMBIGUOUS EXCEPTION FAILURE'],
  ignored: ['source', 'SOURCE_IGNORED IGNORE SUCCESS'],
  unqualified: ['source', 'UNQUALIFIED DELETE SUCCESS'],
  'unqualified-unlinked': ['source', 'UNQUALIFIED DELETE SUCCESS'],
  lonely: ['target', 'UNASSIGNED EXCEPTION FAILURE'],
  'hidden-confirmed': ['target', 'CONFIRMED UPDATE SUCCESS'],
  'hidden-unqualified': ['target', 'UNQUALIFIED DELETE SUCCESS'],
  gone: ['target', 'SOURCE_MISSING EXCEPTION FAILURE'],
  system: ['target', 'TARGET_IGNORED IGNORE SUCCESS'],
}

const mappingOf = (source: string, target: string): JsonObject => ({
  name: 'm',
  source,
  target,
  // Only what the test asks for is carried out.
  enableSync: false,
  sourceQuery: { _queryFilter: '! (hidden eq true)' },
  sourceCondition: '! (/source/out eq true)',
  validTarget: { type: 'text/javascript', source: 'target.name !== "system"' },
  properties: [
    { source: 'name', target: 'name' },
    { source: 'mail', target: 'mail' },
  ],
  correlationQuery: [
    {
      linkQualifier: 'default',
      expressionTree: { any: ['name'] },
      type: 'text/javascript',
      file: 'ui/correlateTreeToQueryFilter.js',
    },
  ],
})

const REMOTE_SOURCE = 'external/idm/eu/managed/account'
const REMOTE_TARGET = 'external/idm/us/managed/account'

for (const [direction, source, target] of [
  ['remote to remote', REMOTE_SOURCE, REMOTE_TARGET],
  ['remote to local', REMOTE_SOURCE, LOCAL],
  ['local to remote', LOCAL, REMOTE_TARGET],
] as const)
  describe(`situations and default actions, ${direction}, between gateways`, () => {
    ownedBySuite()
    let run: JsonObject
    let entries: Map<string, JsonObject>
    let gateway: TestGateway
    let connection: Connection

    before(async () => {
      const remotes = {
        eu: await remoteGateway(),
        us: await remoteGateway(),
      }
      gateway = await startSyncGateway(remotes, [mappingOf(source, target)], { 'managed.json': MANAGED })
      connection = gateway.gateway.connection
      await prepare(connection, source, target)
      run = await reconcile(gateway)
      const path = `/recon/assoc/${String(run._id)}/entry?_queryFilter=true`
      const { result } = (await gateway.call(path)).json as { result: JsonObject[] }
      entries = new Map(result.map((entry) => [String(entry.sourceObjectId ?? entry.targetObjectId), entry] as const))
    })

    for (const [id, [phase, expected]] of Object.entries(TABLES))
      it(`${id}: ${expected} in the ${phase} phase`, () => {
        const { situation, action, status } = entries.get(id) ?? {}
        assert.equal([situation, action, status].join(' '), expected)
      })

    it('sums up: SUCCESS though objects failed, all situations listed', () => {
      assert.equal(run.state, 'SUCCESS')
      assert.equal(Object.keys(run.situationSummary as JsonObject).length, 13)
      assert.deepEqual(run.statusSummary, { SUCCESS: 9, FAILURE: 5 })
    })

    it('did what it said: updated, created, deleted', async () => {
      const mails = async (name: string) => {
        const { result } = await connection.query(target, { _queryFilter: `name eq "${name}"` })
        return result.map(({ mail }) => mail)
      }
      assert.deepEqual(await mails('confirmed'), ['new'])
      assert.deepEqual(await mails('found'), ['found@x'])
      assert.deepEqual(await mails('hidden-confirmed'), ['hidden@x'])
      assert.deepEqual(await mails('unqualified'), [])
      assert.deepEqual(await mails('unqualified-unlinked'), [])
      assert.deepEqual(await mails('absent'), [null])
      assert.equal((await mails('gone')).length, 1)
    })
  })

async function remoteGateway() {
  const { url } = await startGateway({ conf: { 'managed.json': MANAGED } })
  return { url: `${url}/` }
}

async function reconcile({ call }: TestGateway): Promise<JsonObject> {
  const path = '/recon?_action=recon&mapping=m&waitForCompletion=true&persistAssociations=true'
  const started = await call(path, { method: 'POST' })
  assert.equal(started.status, 200, started.text)
  return (await call(`/recon/${String((started.json as JsonObject)._id)}`)).json as JsonObject
}

async function prepare(connection: Connection, source: string, target: string): Promise<void> {
  const linked = ['confirmed', 'missing', 'unqualified', 'gone', 'hidden-confirmed', 'hidden-unqualified']
  for (const name of linked) await connection.create(source, name, { name, mail: 'old' })
  await connection.action('recon', 'recon', null, { mapping: 'm', waitForCompletion: true })
  const put = (id: string, content: JsonObject) => connection.update(`${source}/${id}`, null, { name: id, ...content })
  await put('confirmed', { mail: 'new' })
  const { result } = await connection.query(target, { _queryFilter: 'name eq "missing"' })
  await connection.delete(`${target}/${String(result[0]?._id)}`, null)
  await put('unqualified', { out: true })
  await connection.delete(`${source}/gone`, null)
  await put('hidden-confirmed', { hidden: true, mail: 'hidden@x' })
  await put('hidden-unqualified', { hidden: true, out: true })
  const sources: Record<string, JsonObject> = {
    absent: {},
    found: { name: 'Found', mail: 'found@x' },
    taken: { name: 'confirmed' },
    twins: { name: 'twin' },
    ignored: { out: true },
    'unqualified-unlinked': { out: true },
  }
  for (const [id, content] of Object.entries(sources)) await connection.create(source, id, { name: id, ...content })
  for (const [id, name] of [
    ['f', 'found'],
    ['t1', 'twin'],
    ['t2', 'twin'],
    ['lonely', 'lonely'],
    ['system', 'system'],
    ['q', 'unqualified-unlinked'],
  ] as const)
    await connection.create(target, id, { name })
}
