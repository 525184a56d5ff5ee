import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { type RemoteIdm, startRemoteIdm, startSyncGateway } from './gateways.ts'

const MAPPING: JsonObject = {
  name: 'eu_to_us',
  source: 'external/idm/eu/managed/user',
  target: 'external/idm/us/managed/user',
  properties: [{ source: 'userName', target: 'userName' }],
}
const REVERSE: JsonObject = {
  name: 'us_to_eu',
  source: MAPPING.target ?? '',
  target: MAPPING.source ?? '',
  links: 'eu_to_us',
  properties: [{ source: 'userName', target: 'userName' }],
}

describe('reconciliation over REST', () => {
  let eu: RemoteIdm
  let us: RemoteIdm
  let gateway: TestGateway

  beforeEach(async () => {
    eu = await startRemoteIdm()
    us = await startRemoteIdm()
    gateway = await startSyncGateway({ eu, us }, [MAPPING], { 'mapping-us_to_eu.json': REVERSE })
    for (const id of ['1', '2', '3']) await eu.connection.create('managed/user', id, { userName: `user.${id}` })
  })

  const get = async (path: string) => (await gateway.call(path)).json as JsonObject
  const post = async (path: string) => {
    const { status, json } = await gateway.call(path, { method: 'POST' })
    return { status, json: json as JsonObject }
  }
  const reconcile = async (mapping = 'eu_to_us') => {
    const query = `_action=recon&mapping=${mapping}&waitForCompletion=true&persistAssociations=true`
    const { json } = await post(`/recon?${query}`)
    assert.deepEqual(Object.keys(json), ['_id', 'state'])
    return get(`/recon/${String(json._id)}`)
  }

  it('sync?_action=recon is the older form of recon?_action=recon', async () => {
    const { status, json } = await post('/sync?_action=recon&mapping=eu_to_us')
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(json), ['reconId', '_id', 'state', 'comment1', 'comment2'])
    assert.deepEqual([json.reconId, json.state], [json._id, 'SUCCESS'])
    assert.equal((await get(`/recon/${String(json._id)}`)).state, 'SUCCESS')
    assert.equal((await post('/sync?_action=recon')).status, 400)
    const pool = { corePoolSize: 0, largestPoolSize: 1, maximumPoolSize: 2, currentPoolSize: 0 }
    assert.deepEqual(await get('/health/recon'), { _id: '', activeThreads: 0, ...pool })
  })

  it('a run has the members of the documentation, in their order', async () => {
    const run = await reconcile()
    const members = ['_id', 'mapping', 'state', 'stage', 'stageDescription', 'progress', 'situationSummary']
    const more = [
      'statusSummary',
      'startedBy',
      'durationSummary',
      'parameters',
      'started',
      'ended',
      'duration',
      'sourceProcessedByNode',
    ]
    assert.deepEqual(Object.keys(run), [...members, ...more])
    assert.deepEqual(run.progress, {
      source: { existing: { processed: 3, total: '3' } },
      target: { existing: { processed: 0, total: '0' }, created: 3, unchanged: 0, updated: 0, deleted: 0 },
      links: { existing: { processed: 0, total: '0' }, created: 3 },
    })
    assert.deepEqual((run.parameters as JsonObject).sourceQuery, { resourceName: MAPPING.source, queryFilter: 'true' })
    const { reconciliations } = (await get('/recon')) as { reconciliations: JsonObject[] }
    assert.deepEqual(reconciliations, [run])
  })

  it('associations have theirs, and go with their run', async () => {
    const run = await reconcile()
    const { result: associations } = (await get('/recon/assoc?_queryFilter=true')) as { result: JsonObject[] }
    const members = [
      '_id',
      '_rev',
      'mapping',
      'sourceResourceCollection',
      'targetResourceCollection',
      'isAnalysis',
      'finishTime',
    ]
    assert.deepEqual(
      associations.map((association) => Object.keys(association)),
      [members],
    )
    const path = `/recon/assoc/${String(run._id)}/entry`
    const { result } = (await get(`${path}?_queryFilter=sourceObjectId+eq+%222%22`)) as { result: JsonObject[] }
    const [{ _id, _rev, targetObjectId, ...entry } = {}] = result
    assert.deepEqual(entry, {
      mapping: 'eu_to_us',
      reconId: run._id,
      situation: 'ABSENT',
      action: 'CREATE',
      linkQualifier: 'default',
      sourceObjectId: '2',
      sourceResourceCollection: MAPPING.source,
      targetResourceCollection: MAPPING.target,
      status: 'SUCCESS',
      exception: null,
      message: null,
      messageDetail: 'null',
      ambiguousTargetObjectIds: null,
    })
    const first = (await get(`${path}?_queryFilter=true&_pageSize=2`)) as {
      result: unknown[]
      pagedResultsCookie: string
    }
    const second = (await get(
      `${path}?_queryFilter=true&_pageSize=2&_pagedResultsCookie=${first.pagedResultsCookie}`,
    )) as { result: unknown[]; pagedResultsCookie: unknown }
    assert.deepEqual([first.result.length, second.result.length, second.pagedResultsCookie], [2, 1, null])
    assert.equal((await gateway.call(`/recon/${String(run._id)}`, { method: 'DELETE' })).status, 200)
    assert.equal((await gateway.call(`${path}?_queryFilter=true`)).status, 404)
  })

  it('mappings are listed in their order, and say whether their routes are there', async () => {
    const { result } = (await get('/sync/mappings?_queryFilter=true')) as { result: JsonObject[] }
    assert.deepEqual(
      result.map(({ _id, sourceRouteReady, targetRouteReady }) => [_id, sourceRouteReady, targetRouteReady]),
      [
        ['eu_to_us', true, true],
        ['us_to_eu', true, true],
      ],
    )
    const page = await get('/sync/mappings?_queryFilter=true&_pageSize=1')
    assert.equal(page.pagedResultsCookie, 'us_to_eu')
  })

  it('a reverse mapping sees the links of the other one', async () => {
    await reconcile()
    const run = await reconcile('us_to_eu')
    assert.equal((run.situationSummary as JsonObject).CONFIRMED, 3)
    assert.equal(((await get('/repo/link?_queryFilter=true')) as { resultCount: number }).resultCount, 3)
  })

  it('an action on one pair, and what is linked', async () => {
    const perform = (query: string) => post(`/sync?_action=performAction&mapping=eu_to_us&${query}`)
    assert.deepEqual(await perform('action=CREATE&sourceId=1'), { status: 200, json: { status: 'OK' } })
    const linked = await gateway.call(`/sync?_action=getLinkedResources&resourceName=${String(MAPPING.source)}/1`, {
      method: 'POST',
    })
    const [{ resourceName, content, linkQualifier, linkType } = {}] = linked.json as JsonObject[]
    assert.deepEqual([linkQualifier, linkType, (content as JsonObject).userName], ['default', 'eu_to_us', 'user.1'])
    assert.ok(String(resourceName).startsWith(`${String(MAPPING.target)}/`))
    assert.equal((await perform('action=CREATE&sourceId=1')).status, 409)
    await eu.connection.delete('managed/user/1', null)
    assert.equal((await perform('action=DELETE&sourceId=1')).status, 200)
    assert.equal(((await get('/repo/link?_queryFilter=true')) as { resultCount: number }).resultCount, 0)
    assert.equal((await us.connection.query('managed/user', { _queryFilter: 'true' })).resultCount, 0)
    assert.equal((await perform('action=MERGE&sourceId=1')).status, 400)
    assert.equal((await perform('action=UPDATE&sourceId=none')).status, 404)
    assert.equal((await post('/sync?_action=notifyCreate')).status, 400)
  })
})
