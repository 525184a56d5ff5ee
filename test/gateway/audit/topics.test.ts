import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { packageRoot } from '../../../lib/gateway/project/package-info.ts'
import { echo } from '../../helpers/behaviours.ts'
import { fakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import { startRemote } from '../../helpers/remote.ts'
import { basicOf } from '../../proxy/mounted.ts'
import { startGateway } from '../parts.ts'
import { startAudited } from './stage.ts'

const PERSON = {
  userName: 'ada',
  sn: 'Lovelace',
  givenName: 'Ada',
  mail: 'ada@example.com',
  password: 'Passw0rd-canary',
}
/** A member of a member. */
const memberOf = (event: JsonObject | undefined, outer: string, inner: string) =>
  (event?.[outer] as JsonObject | undefined)?.[inner]

const ID = /^[\da-f-]{36}-\d+$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function common({ _id, timestamp, transactionId, trackingIds, ...rest }: JsonObject): JsonObject {
  assert.match(String(_id), ID)
  assert.match(String(timestamp), ISO)
  assert.equal(typeof transactionId, 'string')
  assert.deepEqual(trackingIds, [])
  return rest
}

describe('the topics of the audit', () => {
  it('access: a proxied request, one that is refused, one that is not there', async () => {
    const remote = await startRemote({ behaviour: echo() })
    const { call, events, port } = await startAudited({ 'external.idm-eu.json': basicOf(remote) })
    await call('/external/idm/eu/managed/user?_queryFilter=userName+eq+"canary"')
    await call('/managed/user', { headers: { 'user-agent': 'test', authorization: 'Bearer canary' } })
    await call('/nothing?_action=do&password=canary', { method: 'POST', json: {} })
    const all = await events('access', ({ length }) => length === 3)
    assert.doesNotMatch(JSON.stringify(all), /canary/)
    const [proxied = {}, refused, missing] = all.map(common)
    const { client, server, response, http, ...rest } = proxied as Record<string, JsonObject>
    assert.deepEqual(rest, {
      eventName: 'access',
      userId: 'openidm-admin',
      request: { protocol: 'CREST', operation: 'QUERY' },
      roles: ['internal/role/openidm-admin', 'internal/role/openidm-authorized'],
    })
    assert.equal(client?.ip, '127.0.0.1')
    assert.deepEqual(server, { ip: '127.0.0.1', port })
    const { elapsedTime, ...outcome } = response ?? {}
    assert.ok(Number(elapsedTime) >= 0)
    assert.deepEqual(outcome, { status: 'SUCCESSFUL', statusCode: '200', elapsedTimeUnits: 'MILLISECONDS' })
    const { headers, ...request } = (http?.request ?? {}) as JsonObject
    assert.deepEqual(request, {
      secure: false,
      method: 'GET',
      path: `http://127.0.0.1:${port}/openidm/external/idm/eu/managed/user`,
    })
    assert.deepEqual((headers as JsonObject).host, [`127.0.0.1:${port}`])
    assert.equal(refused?.userId, null)
    assert.equal(memberOf(refused, 'response', 'statusCode'), '401')
    assert.deepEqual(missing?.request, { protocol: 'CREST', operation: 'ACTION', detail: { action: 'do' } })
    assert.deepEqual(memberOf(missing, 'response', 'detail'), { reason: 'Not Found' })
  })

  it('activity: a managed object is created, changed, left as it is, deleted', async () => {
    const { call, events } = await startAudited()
    const ask = (path: string, method: string, json?: unknown) =>
      call(path, { method, ...(json !== undefined && { json }) })
    assert.equal((await ask('/managed/user/1', 'PUT', PERSON)).status, 201)
    const patch = [
      { operation: 'replace', field: 'sn', value: 'King' },
      { operation: 'replace', field: 'password', value: 'Another-canary1' },
    ]
    const patched = await ask('/managed/user/1', 'PATCH', patch)
    assert.equal(patched.status, 200, patched.text)
    await ask('/managed/user/1', 'PATCH', [{ operation: 'replace', field: 'sn', value: 'King' }])
    await ask('/managed/user/1', 'PUT', { ...PERSON, sn: 'Byron', accountStatus: 'active', password: undefined })
    await ask('/managed/user/1', 'DELETE')
    const all = await events('activity', ({ length }) => length >= 4)
    const text = JSON.stringify(all)
    assert.doesNotMatch(text, /canary|\$crypto/)
    const [created, changed, replaced, deleted] = all.map(common)
    assert.deepEqual(
      all.map(({ operation }) => operation),
      ['CREATE', 'PATCH', 'UPDATE', 'DELETE'],
    )
    const { after, changedFields, revision, ...rest } = created ?? {}
    assert.deepEqual(rest, {
      eventName: 'activity',
      userId: 'openidm-admin',
      runAs: 'openidm-admin',
      objectId: 'managed/user/1',
      operation: 'CREATE',
      before: null,
      status: 'SUCCESS',
      message: null,
      passwordChanged: true,
    })
    assert.equal((after as JsonObject).password, '********')
    assert.equal((after as JsonObject).userName, 'ada')
    assert.ok((changedFields as string[]).includes('/userName'))
    assert.equal(typeof revision, 'string')
    assert.deepEqual(changed?.changedFields, ['/sn', '/password'])
    assert.equal(changed?.passwordChanged, true)
    assert.equal(memberOf(changed, 'before', 'sn'), 'Lovelace')
    assert.equal(memberOf(changed, 'after', 'sn'), 'King')
    assert.deepEqual([replaced?.changedFields, replaced?.passwordChanged], [['/sn'], false])
    assert.equal(deleted?.after, null)
  })

  it('authentication: who signed in, who tried to, and not who did not try', async () => {
    const { call, events } = await startAudited()
    await call('/info/login')
    await call('/info/login', { headers: { 'x-openidm-username': 'mallory', 'x-openidm-password': 'canary' } })
    await call('/info/login', { headers: {} })
    await call('/info/login', { headers: { authorization: 'Bearer canary' } })
    const all = await events('authentication', ({ length }) => length >= 3)
    assert.equal(all.length, 3)
    assert.doesNotMatch(JSON.stringify(all), /canary/)
    const [success, failure, bearer] = all.map(common)
    assert.deepEqual(success, {
      eventName: 'authentication',
      userId: 'openidm-admin',
      result: 'SUCCESSFUL',
      principal: ['openidm-admin'],
      context: {
        component: 'internal/user',
        roles: ['internal/role/openidm-admin', 'internal/role/openidm-authorized'],
        ipAddress: '127.0.0.1',
        id: 'openidm-admin',
        moduleId: 'STATIC_USER',
      },
      entries: [
        {
          moduleId: 'STATIC_USER',
          result: 'SUCCESSFUL',
          info: { 'org.forgerock.authentication.principal': 'openidm-admin' },
        },
      ],
      method: 'STATIC_USER',
    })
    assert.deepEqual([failure?.result, failure?.principal, failure?.userId], ['FAILED', ['mallory'], null])
    assert.deepEqual([bearer?.result, bearer?.principal, bearer?.method], ['FAILED', [], 'RS_FILTER'])
  })

  it('config: what changed, with secrets masked, and not what stayed', async () => {
    const { call, events } = await startAudited()
    const put = (json: JsonObject) => call('/config/external.idm/eu', { method: 'PUT', json })
    const instance = {
      authType: 'basic',
      instanceUrl: 'http://127.0.0.1:9/openidm/',
      userName: 'svc',
      password: 'canary-1',
    }
    assert.equal((await put(instance)).status, 201)
    assert.equal((await put({ ...instance, password: 'canary-2' })).status, 200)
    assert.equal((await put({ ...instance, password: 'canary-2' })).status, 200)
    const patch = [{ operation: 'replace', field: '/socketTimeout', value: '5 s' }]
    assert.equal((await call('/config/external.idm/eu', { method: 'PATCH', json: patch })).status, 200)
    assert.equal((await call('/config/external.idm/eu', { method: 'DELETE' })).status, 200)
    const all = await events('config', ({ length }) => length >= 4)
    assert.doesNotMatch(JSON.stringify(all), /canary|\$crypto/)
    const [created, ...others] = all.map(common)
    assert.deepEqual(created, {
      eventName: 'config',
      userId: 'openidm-admin',
      runAs: 'openidm-admin',
      objectId: 'external.idm/eu',
      operation: 'CREATE',
      before: null,
      after: { ...instance, password: '********' },
      changedFields: ['/authType', '/instanceUrl', '/userName', '/password'],
      revision: null,
    })
    assert.deepEqual(
      others.map(({ operation, changedFields }) => [operation, changedFields]),
      [
        ['UPDATE', ['/password']],
        ['PATCH', ['/socketTimeout']],
        ['DELETE', ['/authType', '/instanceUrl', '/userName', '/password', '/socketTimeout']],
      ],
    )
  })

  it('recon, sync and activity: who approved, executed and cancelled which run, and what it did', async () => {
    const remote = await fakeIdm()
    const mapping = {
      name: 'people',
      source: 'managed/user',
      target: 'external/idm/eu/managed/user',
      enableSync: false,
      properties: [{ source: 'userName', target: 'userName' }],
      requireApproval: true,
      policies: [{ situation: 'ABSENT', action: 'CREATE' }],
    }
    const { call, events } = await startAudited({
      'external.idm-eu.json': basicOf(remote.remote),
      'sync.json': { mappings: [mapping] },
    })
    await call('/managed/user/1', { method: 'PUT', json: PERSON })
    const post = async (path: string) => {
      const { status, json, text } = await call(path, { method: 'POST' })
      assert.equal(status, 200, text)
      return json as JsonObject
    }
    const { _id: plan } = await post('/recon?_action=recon&mapping=people&waitForCompletion=true')
    assert.equal((await call(`/recon/${plan}?_action=execute`, { method: 'POST' })).status, 409)
    await post(`/recon/${plan}?_action=approve`)
    const { _id: run } = await post(`/recon/${plan}?_action=execute&waitForCompletion=true`)
    assert.equal(remote.writes.length, 1)
    const activity = await events('activity', ({ length }) => length >= 5)
    assert.deepEqual(
      activity
        .filter(({ operation }) => operation === 'ACTION')
        .map(({ objectId, userId, status, message }) => [objectId, userId, status, String(message).split(':')[0]]),
      [
        [`recon/${plan}`, 'openidm-admin', 'SUCCESS', 'recon of the mapping people'],
        [`recon/${plan}`, 'openidm-admin', 'FAILURE', 'execute'],
        [`recon/${plan}`, 'openidm-admin', 'SUCCESS', 'approve'],
        [`recon/${plan}`, 'openidm-admin', 'SUCCESS', 'execute'],
      ],
    )
    const all = await events('recon', (found) => found.filter(({ entryType }) => entryType === 'summary').length === 2)
    const entries = all.filter(({ reconId }) => reconId === run)
    const shown = (await call(`/audit/recon?_queryFilter=reconId+eq+"${run}"`)).json as { result: JsonObject[] }
    const withoutUser = ({ userId: _, message: __, _id: ___, ...rest }: JsonObject) => rest
    assert.deepEqual(entries.slice(1).map(withoutUser), shown.result.slice(1).map(withoutUser))
    assert.deepEqual(
      entries.map(({ entryType, userId, action = null, targetObjectId = null }) => [
        entryType,
        userId,
        action,
        targetObjectId,
      ]),
      [
        ['start', 'openidm-admin', null, null],
        ['entry', 'openidm-admin', 'CREATE', `external/idm/eu/managed/user/${remote.ids('managed/user')[0]}`],
        ['summary', 'openidm-admin', null, null],
      ],
    )
  })

  it('recon: a run that is interrupted and resumed has each object once', async () => {
    const remote = await fakeIdm()
    const mapping = {
      name: 'people',
      source: 'managed/user',
      target: 'external/idm/eu/managed/user',
      enableSync: false,
      taskThreads: 1,
      properties: [{ source: 'userName', target: 'userName' }],
      policies: [{ situation: 'ABSENT', action: 'CREATE' }],
    }
    const { gateway, project, call, events } = await startAudited({
      'external.idm-eu.json': basicOf(remote.remote),
      'sync.json': { mappings: [mapping] },
    })
    const ids = ['1', '2', '3', '4', '5']
    for (const id of ids) await call(`/managed/user/${id}`, { method: 'PUT', json: { ...PERSON, userName: id } })
    const stopped = Promise.withResolvers<void>()
    let count = 0
    remote.intercept('PUT managed/user/*', (_request, next) => {
      count += 1
      if (count === 3) stopped.resolve(gateway.stop())
      return next()
    })
    const started = await call('/recon?_action=recon&mapping=people', { method: 'POST' })
    const { _id: run } = started.json as JsonObject
    await stopped.promise
    const before = (await events('recon')).filter(({ entryType }) => entryType === 'entry').length
    assert.ok(before > 0 && before < ids.length)
    const again = await startGateway({ project, plugins: [packageRoot] })
    const resumed = await again.call(`/recon/${run}?_action=resume&waitForCompletion=true`, { method: 'POST' })
    assert.equal(resumed.status, 200, resumed.text)
    const all = await events('recon', (found) => found.filter(({ entryType }) => entryType === 'summary').length === 2)
    const sources = all
      .filter(({ entryType }) => entryType === 'entry')
      .map(({ sourceObjectId }) => String(sourceObjectId))
    assert.deepEqual(
      sources.sort(),
      ids.map((id) => `managed/user/${id}`),
    )
  })

  it('sync: an action on one pair, done and refused', async () => {
    const remote = await fakeIdm()
    remote.seed('managed/user', [])
    const mapping = {
      name: 'people',
      source: 'managed/user',
      target: 'external/idm/eu/managed/user',
      enableSync: false,
      properties: [{ source: 'userName', target: 'userName' }],
      policies: [{ situation: 'ABSENT', action: 'CREATE' }],
    }
    const { call, events } = await startAudited({
      'external.idm-eu.json': basicOf(remote.remote),
      'sync.json': { mappings: [mapping] },
    })
    await call('/managed/user/1', { method: 'PUT', json: PERSON })
    const perform = (action: string) =>
      call(`/sync?_action=performAction&mapping=people&sourceId=1&action=${action}`, { method: 'POST' })
    const { status, text } = await perform('CREATE')
    assert.equal(status, 200, text)
    const [event] = (await events('sync')).map(common)
    const { targetObjectId, ...rest } = event ?? {}
    assert.equal(targetObjectId, remote.ids('managed/user')[0])
    assert.deepEqual(rest, {
      eventName: 'sync',
      userId: 'openidm-admin',
      mapping: 'people',
      situation: 'ABSENT',
      action: 'CREATE',
      linkQualifier: 'default',
      sourceObjectId: 'managed/user/1',
      status: 'SUCCESS',
      message: null,
      messageDetail: null,
      exception: null,
    })
    assert.equal((await perform('CREATE')).status, 409)
    const tried = await events('activity', (all) => all.filter(({ objectId }) => objectId === 'sync').length === 2)
    assert.deepEqual(
      tried.filter(({ objectId }) => objectId === 'sync').map((one) => [one.status, String(one.message).split(':')[0]]),
      [
        ['SUCCESS', 'performAction CREATE of the mapping people'],
        ['FAILURE', 'performAction CREATE of the mapping people'],
      ],
    )
  })
})
