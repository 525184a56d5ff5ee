import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { inTurn, reply } from '../helpers/behaviours.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { startTokenServer, type TokenServer } from '../helpers/token-server.ts'
import { type RemoteIdm, reads, startRemoteIdm, startSyncGateway, writes } from './gateways.ts'

const SEED = 'external/idm/65/managed/user'
const FIDC = 'external/idm/fidc/managed/alpha_user'

const MAPPING: JsonObject = {
  name: 'm',
  source: SEED,
  target: FIDC,
  policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }],
  properties: [
    { source: 'userName', target: 'userName' },
    { source: 'mail', target: 'mail' },
  ],
  correlationQuery: [
    {
      linkQualifier: 'default',
      expressionTree: { any: ['userName'] },
      type: 'text/javascript',
      file: 'ui/correlateTreeToQueryFilter.js',
    },
  ],
}

/** So many that there are full pages and one that is not; 10,000 by hand: SYNC_USERS=10000. */
const USERS = Number(process.env.SYNC_USERS ?? 2400)
const PAGES = Math.ceil(USERS / 1000)
const SOME = Math.floor(USERS / 100)

describe('the mapping of the seed page, between a basic and a bearer instance', function () {
  this.timeout(Math.max(120_000, USERS * 20))
  ownedBySuite()
  let source: RemoteIdm
  let target: RemoteIdm
  let gateway: TestGateway
  before(async () => {
    source = await startRemoteIdm()
    target = await startRemoteIdm()
    gateway = await startSyncGateway({ 65: source }, [MAPPING], {
      'external.idm-fidc.json': bearerOf(target, await startTokens()),
    })
    for (let index = 0; index < USERS; index++)
      await source.connection.create('managed/user', `u${index}`, { userName: `user.${index}`, mail: `${index}@x.com` })
  })
  beforeEach(() => {
    source.requests.length = 0
    target.requests.length = 0
  })

  const asked = () => ({ reads: reads(source) + reads(target), writes: writes(source) + writes(target) })

  it('creates: the pages, and one request for each object', async () => {
    const run = await reconcile(gateway)
    assert.equal(run.state, 'SUCCESS', String(run.stageDescription))
    assert.deepEqual(run.statusSummary, { SUCCESS: USERS, FAILURE: 0 })
    assert.deepEqual(asked(), { reads: PAGES + 1, writes: USERS })
  })

  it('unchanged: at most 2·⌈N/1000⌉ + 3 requests', async () => {
    const run = await reconcile(gateway)
    assert.deepEqual(targetOf(run), { created: 0, unchanged: USERS, updated: 0, deleted: 0 })
    assert.deepEqual(asked(), { reads: 2 * PAGES, writes: 0 })
  })

  it('1 % changed: the pages, and one request for each that changed', async () => {
    for (let index = 0; index < SOME; index++)
      await source.connection.update(`managed/user/u${index}`, null, { userName: `user.${index}`, mail: 'new@x.com' })
    const run = await reconcile(gateway)
    assert.deepEqual(targetOf(run), { created: 0, unchanged: USERS - SOME, updated: SOME, deleted: 0 })
    assert.deepEqual(asked(), { reads: 2 * PAGES, writes: SOME })
  })

  it('1 % gone: the pages, a query for all that seem gone and one for what is deleted, a read and a deletion for each, and a read of one that is there', async () => {
    for (let index = 0; index < SOME; index++) await source.connection.delete(`managed/user/u${index}`, null)
    const run = await reconcile(gateway)
    assert.deepEqual(targetOf(run), { created: 0, unchanged: USERS - SOME, updated: 0, deleted: SOME })
    assert.deepEqual(asked(), { reads: 2 * PAGES + 3 + SOME, writes: SOME })
    const links = (await gateway.call('/repo/link?_queryFilter=true')).json as { resultCount: number }
    assert.equal(links.resultCount, USERS - SOME)
  })
})

describe('a remote that is busy, or pages in its own way', () => {
  it('is waited for when it answers 429 and 503 with Retry-After', async () => {
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    const gateway = await startSyncGateway({ 65: source, fidc: target }, [MAPPING])
    for (const name of ['a', 'b', 'c']) await source.connection.create('managed/user', name, { userName: name })
    let refusals = 0
    target.interfere = ({ method }) => {
      if (method !== 'PUT' || refusals >= 4) return undefined
      refusals += 1
      return refusals % 2 === 0 ? 429 : 503
    }
    const run = await reconcile(gateway)
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 })
    assert.equal(refusals, 4)
  })

  it('is waited for when it answers 429 and 503 and does not say for how long, to reads and to writes', async () => {
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    const gateway = await startSyncGateway({ 65: source, fidc: target }, [MAPPING])
    for (const name of ['a', 'b', 'c']) await source.connection.create('managed/user', name, { userName: name })
    let refusals = 0
    for (const remote of [source, target]) {
      remote.retryAfter = undefined
      const refused = new Set<string>()
      remote.interfere = ({ method = '' }) => {
        if (refused.has(method)) return undefined
        refused.add(method)
        refusals += 1
        return method === 'GET' ? 429 : 503
      }
    }
    const run = await reconcile(gateway)
    assert.deepEqual([run.state, run.statusSummary], ['SUCCESS', { SUCCESS: 3, FAILURE: 0 }])
    assert.equal(refusals, 3)
    assert.equal((await target.connection.query('managed/alpha_user', { _queryFilter: 'true' })).resultCount, 3)
  })

  it('is waited for when its token endpoint is busy', async () => {
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    const tokens = await startTokens()
    const fidc = bearerOf(target, tokens)
    const gateway = await startSyncGateway({ 65: source }, [MAPPING], { 'external.idm-fidc.json': fidc })
    for (const name of ['a', 'b', 'c']) await source.connection.create('managed/user', name, { userName: name })
    tokens.answer(
      inTurn(reply({ status: 429, headers: { 'retry-after': '1' } }), reply({ status: 503 }), tokens.honest),
    )
    const run = await reconcile(gateway)
    assert.deepEqual([run.state, run.statusSummary], ['SUCCESS', { SUCCESS: 3, FAILURE: 0 }])
    assert.equal(tokens.requests.length, 3)
  })

  it('is asked for everything at once when it refuses to page', async () => {
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    const gateway = await startSyncGateway({ 65: source, fidc: target }, [MAPPING])
    for (const name of ['a', 'b', 'c']) await source.connection.create('managed/user', name, { userName: name })
    source.interfere = ({ url }) => (url?.includes('_pageSize') ? 400 : undefined)
    const run = await reconcile(gateway)
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 })
  })

  it('fails the run when it cannot be reached, and names it', async () => {
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    const gateway = await startSyncGateway({ 65: source, fidc: target }, [MAPPING])
    await source.connection.create('managed/user', 'a', { userName: 'a' })
    target.interfere = () => 500
    const run = await reconcile(gateway)
    assert.deepEqual([run.state, run.stage], ['FAILED', 'COMPLETED_FAILED'])
    assert.match(String(run.stageDescription), /Come again/)
  })
})

const CLIENT = { id: 'gateway', secret: 'Sesam-1234', method: 'client_secret_basic' } as const

const startTokens = () => startTokenServer({ tls: false, hostName: '127.0.0.1', clients: [CLIENT] })

const bearerOf = ({ url }: RemoteIdm, { tokenEndpoint }: TokenServer): JsonObject => ({
  enabled: true,
  authType: 'bearer',
  instanceUrl: url,
  clientId: CLIENT.id,
  clientSecret: CLIENT.secret,
  tokenEndpoint,
  scope: ['fr:idm:*'],
})

async function reconcile({ call }: TestGateway): Promise<JsonObject> {
  const started = await call('/recon?_action=recon&mapping=m&waitForCompletion=true', { method: 'POST' })
  assert.equal(started.status, 200, started.text)
  const { _id } = started.json as JsonObject
  return (await call(`/recon/${String(_id)}`)).json as JsonObject
}

function targetOf({ progress }: JsonObject): JsonObject {
  const { existing: _, ...counts } = (progress as Record<string, JsonObject>).target ?? {}
  return counts
}
