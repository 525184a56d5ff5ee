import assert from 'node:assert/strict'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { silentLog } from '../../../lib/core/log.ts'
import { AuditService } from '../../../lib/gateway/audit/audit-service.ts'
import { defaultAudit } from '../../../lib/gateway/audit/settings.ts'
import { packageRoot } from '../../../lib/gateway/project/package-info.ts'
import { echo } from '../../helpers/behaviours.ts'
import { AnswerCounts } from '../../helpers/counted.ts'
import { MetricsPage } from '../../helpers/metrics-page.ts'
import { startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basicOf } from '../../proxy/mounted.ts'
import { startGateway } from '../parts.ts'
import { audit, auditFile, eventsIn, handler, startAudited } from './stage.ts'

const PERSON = { userName: 'ada', sn: 'Lovelace', givenName: 'Ada', mail: 'ada@example.com' }

interface Found {
  readonly result: JsonObject[]
  readonly pagedResultsCookie: string | null
}

describe('the audit of a gateway', () => {
  it('has without audit.json who failed to sign in and who changed what, not each request', async () => {
    const { call, project } = await startGateway({ plugins: [packageRoot] })
    await call('/managed/user/1', { method: 'PUT', json: PERSON })
    await call('/config/endpoint/x', { method: 'PUT', json: { type: 'text/javascript', source: '1' } })
    await call('/script?_action=eval', { method: 'POST', json: { type: 'text/javascript', source: '1' } })
    await call('/info/login', { headers: { 'x-openidm-username': 'x', 'x-openidm-password': 'y' } })
    const read = (topic: 'activity' | 'config' | 'authentication') => eventsIn(auditFile(project.dir, topic))
    await until(async () => (await read('authentication')).length > 0)
    const [activity, config, authentication] = await Promise.all([
      read('activity'),
      read('config'),
      read('authentication'),
    ])
    assert.deepEqual(
      activity.map(({ objectId, operation, message }) => [objectId, operation, message]),
      [['script', 'ACTION', 'eval']],
    )
    assert.deepEqual(
      config.map(({ objectId }) => objectId),
      ['endpoint/x'],
    )
    assert.deepEqual(
      authentication.map(({ result }) => result),
      ['FAILED'],
    )
    assert.deepEqual(await eventsIn(auditFile(project.dir, 'access')), [])
    const shown = (await call('/config/audit')).json as JsonObject
    assert.ok(Array.isArray(shown.eventHandlers))
  })

  it('says which kinds of events it records, so that others are not built', async () => {
    const metrics = { registerMetric: () => undefined, removeSingleMetric: () => undefined }
    const setting = { value: defaultAudit() }
    const service = new AuditService({ setting, projectDir: '/nowhere', metrics, log: silentLog })
    const wants = [
      service.wants('recon'),
      service.wants('recon', 'summary'),
      service.wants('recon', 'entry'),
      service.wants('authentication', 'FAILED'),
      service.wants('authentication', 'SUCCESSFUL'),
      service.wants('activity', 'whatever'),
      service.wants('access'),
    ]
    assert.deepEqual(wants, [true, true, false, true, false, true, false])
    await service.dispose()
  })

  it('says of a mixed load what the remotes say', async () => {
    const counts = new AnswerCounts()
    const remote = await startRemote({ behaviour: counts.of(echo()) })
    const { call, events } = await startAudited({ 'external.idm-eu.json': basicOf(remote) })
    const path = '/external/idm/eu/managed/user/1'
    const work = Array.from({ length: 30 }, (_, index) =>
      index % 3 === 0
        ? call(path)
        : call(path, { method: index % 3 === 1 ? 'PUT' : 'PATCH', json: index % 3 === 1 ? {} : [] }),
    )
    await Promise.all([...work, call('/managed/user?_queryFilter=true'), call('/external/idm/none/x')])
    const isProxied = ({ http }: JsonObject) => JSON.stringify(http).includes('/external/idm/eu/')
    const all = await events('access', ({ length }) => length === 32)
    const found: Record<string, number> = {}
    for (const { http, response } of all.filter(isProxied)) {
      const key = `${((http as JsonObject).request as JsonObject).method} ${(response as JsonObject).statusCode}`
      found[key] = (found[key] ?? 0) + 1
    }
    assert.deepEqual(Object.fromEntries(Object.entries(found).sort()), counts.toJSON())
    assert.equal((await events('authentication', ({ length }) => length === 32)).length, 32)
    const page = new MetricsPage((await call('/metrics/prometheus')).text)
    assert.equal(page.sum('openidm_external_idm_audit_events_total', { handler: 'json', outcome: 'lost' }), 0)
    assert.ok(page.sum('openidm_external_idm_audit_events_total', { handler: 'json', outcome: 'written' }) >= 64)
  })

  it('is queried and read, from the files', async () => {
    const { call, events } = await startAudited()
    for (const id of ['1', '2', '3'])
      await call(`/managed/user/${id}`, { method: 'PUT', json: { ...PERSON, userName: id } })
    await call('/managed/user/2', { method: 'DELETE' })
    await events('activity', ({ length }) => length === 4)
    const query = async (filter: string, more = '') => {
      const { status, json, text } = await call(`/audit/activity?_queryFilter=${encodeURIComponent(filter)}${more}`)
      assert.equal(status, 200, text)
      return json as unknown as Found
    }
    const { result } = await query('objectId eq "managed/user/2" and operation eq "DELETE"')
    assert.equal(result.length, 1)
    const first = await query('true', '&_pageSize=3')
    assert.equal(first.result.length, 3)
    const second = await query('true', `&_pageSize=3&_pagedResultsCookie=${first.pagedResultsCookie}`)
    assert.equal(second.result.length, 1)
    const id = String(result[0]?._id)
    assert.equal((await call(`/audit/activity/${id}`)).status, 200)
    assert.equal((await call('/audit/activity/none')).status, 404)
    assert.equal((await call('/audit/other?_queryFilter=true')).status, 404)
    assert.equal((await call('/audit/activity?_queryFilter=true', { headers: {} })).status, 401)
  })

  it('is queried from the repository, which has requests only when they are named and so many events', async () => {
    const { call } = await startAudited({
      'audit.json': audit([
        {
          class: 'org.forgerock.openidm.audit.impl.RepositoryAuditEventHandler',
          config: { name: 'repo', maxStoredEvents: 5, buffering: { writeInterval: '1 ms' } },
        },
      ]),
    })
    for (let count = 0; count < 12; count++)
      await call(`/managed/user/${count}`, { method: 'PUT', json: { ...PERSON, userName: `${count}` } })
    const query = async () =>
      (await call('/audit/activity?_queryFilter=operation+eq+"CREATE"&_sortKeys=-timestamp')).json as unknown as Found
    const { result } = await until(async () => {
      const found = await query()
      return found.result.some(({ objectId }) => objectId === 'managed/user/11') && found.result.length <= 6 && found
    })
    assert.equal(result[0]?.objectId, 'managed/user/11')
    assert.equal((await call('/audit/access?_queryFilter=true')).status, 404)
    assert.equal((await call(`/audit/activity/${String(result[0]?._id)}`)).status, 200)
  })

  it('follows filters and policies as soon as they change', async () => {
    const { call, events, project } = await startAudited()
    const put = async (more: JsonObject) =>
      assert.equal((await call('/config/audit', { method: 'PUT', json: audit([handler('json')], more) })).status, 200)
    await put({
      auditServiceConfig: {
        filterPolicies: {
          field: {
            excludeIf: ['/activity/before', '/activity/after/mail', '/access/http/request/headers/Host'],
            includeIf: ['/access/http/request/queryParameters', '/access/http/request/headers/X-Test'],
          },
        },
      },
      eventTopics: {
        activity: {
          filter: { actions: ['create', 'patch'] },
          watchedFields: ['sn', 'mail'],
          passwordFields: ['mail'],
        },
        authentication: { filter: { fields: [{ name: 'context/ipAddress', values: ['10.0.0.1'] }] } },
      },
    })
    await call('/managed/user/1', { method: 'PUT', json: PERSON })
    await call('/managed/user/1', { method: 'PUT', json: { ...PERSON, sn: 'King' } })
    const patch = [{ operation: 'replace', field: 'givenName', value: 'A.' }]
    await call('/managed/user/1?x=y&token=canary', {
      method: 'PATCH',
      json: patch,
      headers: {
        'x-openidm-username': 'openidm-admin',
        'x-openidm-password': "UTF-8''Sesam-%C3%B6ffne%3Adich",
        'x-test': 'z',
      },
    })
    const [created, patched] = await events('activity', ({ length }) => length === 2)
    assert.equal(created?.before, undefined)
    assert.equal((created?.after as JsonObject | undefined)?.mail, undefined)
    assert.equal((created?.after as JsonObject | undefined)?.sn, 'Lovelace')
    assert.deepEqual(created?.changedFields, ['/sn', '/mail'])
    assert.equal(created?.passwordChanged, true)
    assert.deepEqual([patched?.changedFields, patched?.passwordChanged], [[], false])
    const access = await events('access', (all) => all.some(({ request }) => JSON.stringify(request).includes('PATCH')))
    const http = JSON.stringify(access.at(-1))
    assert.match(http, /"queryParameters":\{"x":\["y"\],"token":\["\*{8}"\]\}/)
    assert.match(http, /"x-test":\["z"\]/)
    assert.doesNotMatch(http, /"host"|canary/)
    const before = (await eventsIn(auditFile(project.dir, 'authentication'))).length
    await call('/info/login')
    await events('access', ({ length }) => length > access.length)
    assert.equal((await eventsIn(auditFile(project.dir, 'authentication'))).length, before)
  })

  it('serves on when it cannot be written, loses what is too much, and says so', async () => {
    const { call, project, log } = await startAudited({
      'audit.json': audit([handler('json', { topics: ['access'], buffering: { maxSize: 2, writeInterval: '1 ms' } })]),
    })
    await writeFile(join(project.dir, 'audit'), 'a file where the folder should be')
    for (let count = 0; count < 5; count++) assert.equal((await call('/info/login')).status, 200)
    const status = await until(async () => {
      const { handlers } = (await call('/health/audit')).json as { handlers: JsonObject[] }
      return Number(handlers[0]?.lost) > 0 && handlers[0]
    })
    assert.match(String(status.fault), /ENOTDIR|EEXIST/)
    assert.equal((await call('/health/ready')).status, 200)
    assert.equal(log.entries.filter(({ msg }) => /cannot be written: events are lost/.test(String(msg))).length, 1)
    assert.equal(log.entries.filter(({ msg }) => /json were lost: /.test(String(msg))).length, 1)
    const page = new MetricsPage((await call('/metrics/prometheus')).text)
    assert.ok(page.sum('openidm_external_idm_audit_events_total', { handler: 'json', outcome: 'lost' }) > 0)
  })

  it('refuses requests when events must not be lost and cannot be written, until they can', async () => {
    const config = {
      topics: ['access', 'activity'],
      onOverload: 'block',
      buffering: { maxSize: 3, writeInterval: '1 ms' },
    }
    const { call, project, events } = await startAudited({ 'audit.json': audit([handler('json', config)]) })
    const dir = dirname(auditFile(project.dir, 'access'))
    await writeFile(dir, 'a file where the folder should be')
    const refused = await until(async () => {
      const answer = await call('/info/login')
      return answer.status === 503 && answer
    })
    assert.match(refused.text, /its audit events cannot be written/)
    assert.doesNotMatch(refused.text, /ENOTDIR|EEXIST/)
    assert.equal((await call('/managed/user/1', { method: 'PUT', json: PERSON })).status, 503)
    assert.equal((await call('/health/ready')).status, 503)
    assert.equal((await call('/info/ping')).status, 503)
    await rm(dir)
    await until(async () => (await call('/info/login')).status === 200)
    assert.equal((await call('/health/ready')).status, 200)
    await events('access', (all) => all.some(({ response }) => JSON.stringify(response).includes('503')))
    assert.equal((await call('/managed/user/1')).status, 404)
  })

  it('goes on in a new file after logrotate', async () => {
    const { gateway, call, project, events } = await startAudited()
    await call('/info/login')
    await events('access')
    const file = auditFile(project.dir, 'access')
    await rename(file, `${file}.1`)
    await gateway.reload()
    await call('/info/version')
    const [next] = await events('access')
    assert.match(JSON.stringify(next), /info\/version/)
    assert.match(JSON.stringify(await eventsIn(`${file}.1`)), /info\/login/)
  })

  it('is in a directory that audit.json names', async () => {
    const { call, project } = await startAudited({
      'audit.json': audit([handler('json', { logDirectory: '&{idm.data.dir}/elsewhere', topics: ['access'] })]),
    })
    await mkdir(join(project.dir, 'elsewhere'))
    await call('/info/login')
    await until(async () => (await eventsIn(join(project.dir, 'elsewhere', 'access.audit.json'))).length === 1)
  })
})
