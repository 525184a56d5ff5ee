import assert from 'node:assert/strict'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { echo, inTurn, reply } from '../helpers/behaviours.ts'
import { AnswerCounts } from '../helpers/counted.ts'
import { fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { resetBeforeHeaders } from '../helpers/faults.ts'
import { MetricsPage } from '../helpers/metrics-page.ts'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basicOf } from '../proxy/mounted.ts'
import { ANONYMOUS, startGateway, type TestGateway } from './parts.ts'

const PREFIX = 'openidm_external_idm_'
const plugins = [packageRoot]

async function pageOf({ call }: TestGateway): Promise<MetricsPage> {
  const { status, text } = await call('/metrics/prometheus')
  assert.equal(status, 200, text)
  return new MetricsPage(text)
}

describe('GET metrics/prometheus', () => {
  it('is for those with the role of Prometheus, and for administrators', async () => {
    const serverAuthContext = {
      authModules: [
        {
          name: 'STATIC_USER',
          properties: {
            queryOnResource: 'internal/user',
            username: 'prometheus',
            password: 'a-long-password',
            defaultUserRoles: ['internal/role/openidm-prometheus'],
          },
          enabled: true,
        },
        {
          name: 'STATIC_USER',
          properties: {
            queryOnResource: 'internal/user',
            username: 'anonymous',
            password: 'anonymous',
            defaultUserRoles: ['internal/role/openidm-reg'],
          },
          enabled: true,
        },
      ],
    }
    const gateway = await startGateway({ conf: { 'authentication.json': { serverAuthContext } } })
    const { call } = gateway
    const prometheus = { 'x-openidm-username': 'prometheus', 'x-openidm-password': 'a-long-password' }
    assert.equal((await call('/metrics/prometheus', { headers: { accept: '*/*' } })).status, 401)
    assert.equal((await call('/metrics/prometheus', { headers: ANONYMOUS })).status, 403)
    assert.equal((await call('/managed/user?_queryFilter=true', { headers: prometheus })).status, 403)
    const page = await call('/metrics/prometheus', { headers: prometheus })
    assert.equal(page.status, 200, page.text)
    assert.equal(page.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
    assert.equal((await call('/metrics/prometheus', { method: 'HEAD' })).text, '')
    for (const path of ['/metrics', '/metrics/prometheus/x', '/metrics/api'])
      assert.equal((await call(path)).status, 404)
    assert.equal((await call('/metrics/prometheus', { method: 'POST' })).status, 404)
  })

  it('says of a mixed load what the remote says: proxied, from inside, repeated', async () => {
    const counts = new AnswerCounts()
    const remote = await startRemote({ behaviour: counts.of(echo()) })
    const gateway = await startGateway({ plugins, conf: { 'external.idm-eu.json': basicOf(remote) } })
    const inside = gateway.gateway.connection
    for (let count = 0; count < 5; count++) await gateway.call('/external/idm/eu/managed/user/1')
    await gateway.call('/external/idm/eu/managed/user/1', { method: 'PUT', json: {} })
    remote.answer(counts.of(reply({ body: { _id: '1', _rev: '1' } })))
    for (let count = 0; count < 3; count++) await inside.read('external/idm/eu/managed/user/1')
    await inside.create('external/idm/eu/managed/user', null, {})
    remote.answer(counts.of(reply({ status: 404, body: { code: 404 } })))
    await inside.read('external/idm/eu/managed/user/2')
    remote.answer(counts.of(inTurn(resetBeforeHeaders(), reply({ body: { _id: '1', _rev: '1' } }))))
    await inside.read('external/idm/eu/managed/user/1')
    const page = await pageOf(gateway)
    const shown = page
      .find(`${PREFIX}requests_total`, { remote: 'eu' })
      .map(({ labels, value }) => [`${labels.method} ${labels.status}`, value])
    assert.deepEqual(Object.fromEntries(shown.sort()), counts.toJSON())
    assert.equal(page.sum(`${PREFIX}retries_total`, { remote: 'eu', reason: 'connection' }), 1)
    assert.equal(page.sum(`${PREFIX}http_requests_total`, { method: 'GET', status: '200' }), 5)
    assert.equal(page.sum(`${PREFIX}http_request_seconds_count`, { method: 'PUT' }), 1)
  })

  it('answers a part: lines or families of some names, series of some instances', async () => {
    const remote = await startRemote()
    const instances = ['eu', 'us', 'a b'].map((name) => [
      `external.idm-${name.replace(' ', '.')}.json`,
      basicOf(remote),
    ])
    const gateway = await startGateway({ plugins, conf: Object.fromEntries(instances) })
    for (const name of ['eu', 'us', 'us']) await gateway.call(`/external/idm/${name}/managed/user/1`)
    const part = async (...parameters: (readonly [string, string])[]) => {
      const { text } = await gateway.call(
        `/metrics/prometheus?${new URLSearchParams(parameters.map((pair): [string, string] => [...pair]))}`,
      )
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      return lines.map((line) =>
        line.replace(PREFIX, '').replace(/ [\d.e-]+$/, (value) => (/\./.test(value) ? '' : value)),
      )
    }
    const count = ['name[]', `${PREFIX}request_seconds_count`] as const
    assert.deepEqual(await part(count, ['remote[]', 'us']), ['request_seconds_count{remote="us",method="GET"} 2'])
    assert.deepEqual(await part(count, ['remote[]', 'us'], ['remote[]', 'eu'], ['remote[]', 'none']), [
      'request_seconds_count{remote="eu",method="GET"} 1',
      'request_seconds_count{remote="us",method="GET"} 2',
    ])
    assert.deepEqual(await part(['name[]', `${PREFIX}requests_in_flight`], ['remote[]', 'eu']), [
      'requests_in_flight{remote="eu"} 0',
    ])
    const family = await part(['name[]', `${PREFIX}request_seconds`], ['remote[]', 'eu'])
    assert.equal(family.length, 18)
    assert.deepEqual(await part(['name[]', 'none']), [])
    const series = await part(['remote[]', 'eu'])
    assert.ok(series.length > 20 && series.every((line) => line.includes('remote="eu"')), series.join('\n'))
  })

  it('shows runs by mapping, situation and status, and what they wrote at the remote', async () => {
    const remote = await fakeIdm()
    remote.seed('managed/user', [{ _id: 'old', userName: 'old' }])
    const mapping = {
      name: 'people',
      source: 'managed/user',
      target: 'external/idm/eu/managed/user',
      enableSync: false,
      properties: [{ source: 'userName', target: 'userName' }],
      policies: [
        { situation: 'ABSENT', action: 'CREATE' },
        { situation: 'UNASSIGNED', action: 'IGNORE' },
      ],
    }
    const gateway = await startGateway({
      plugins,
      conf: { 'external.idm-eu.json': basicOf(remote.remote), 'sync.json': { mappings: [mapping] } },
    })
    for (const userName of ['ada', 'bo', 'cy'])
      await gateway.call('/managed/user', {
        method: 'POST',
        json: { userName, sn: 'x', givenName: 'y', mail: 'a@b.c' },
      })
    const recon = (more = '') =>
      gateway.call(`/recon?_action=recon&mapping=people&waitForCompletion=true${more}`, { method: 'POST' })
    assert.equal((await recon('&analyze=true')).status, 200)
    assert.equal((await recon()).status, 200)
    const page = await pageOf(gateway)
    const sum = (name: string, labels: Record<string, string>) =>
      page.sum(PREFIX + name, { mapping: 'people', ...labels })
    assert.equal(sum('recon_runs_total', { kind: 'run', state: 'SUCCESS' }), 1)
    assert.equal(sum('recon_seconds_count', { kind: 'run' }), 1)
    assert.equal(sum('recon_situations_total', { kind: 'run', situation: 'ABSENT' }), 3)
    assert.equal(sum('recon_situations_total', { kind: 'run', situation: 'UNASSIGNED' }), 1)
    assert.equal(sum('recon_rows_total', { kind: 'run', status: 'SUCCESS' }), 4)
    assert.equal(sum('recon_objects_total', { kind: 'run', side: 'source' }), 3)
    assert.equal(sum('recon_writes_total', { operation: 'create' }), 3)
    assert.equal(sum('recon_writes_total', { operation: 'link' }), 3)
    assert.equal(sum('recon_active', {}), 0)
    assert.ok(sum('recon_last_success_timestamp_seconds', {}) > 1e9)
    assert.equal(remote.writes.length, 3)
    await gateway.call('/config/sync', { method: 'PUT', json: { mappings: [] } })
    await until(async () => (await pageOf(gateway)).find(`${PREFIX}recon_writes_total`).length === 0, 'its series end')
  })

  it('shows scripts, database, process, configuration and reloads', async () => {
    const gateway = await startGateway({ conf: { 'external.idm-bad.json': { authType: 'none' } }, plugins })
    for (const source of ['1', '1', 'throw "x"'])
      await gateway.call('/script?_action=eval', { method: 'POST', json: { type: 'text/javascript', source } })
    await gateway.gateway.reload()
    const page = await pageOf(gateway)
    assert.equal(page.sum(`${PREFIX}script_runs_total`, { outcome: 'success' }), 2)
    assert.equal(page.sum(`${PREFIX}script_runs_total`, { outcome: 'failure' }), 1)
    assert.equal(page.sum(`${PREFIX}script_seconds_count`), 3)
    assert.equal(page.sum(`${PREFIX}configuration_faults`, { file: 'external.idm-bad.json' }), 1)
    assert.equal(page.sum(`${PREFIX}configuration_reloads_total`, { outcome: 'success' }), 1)
    assert.ok(page.sum(`${PREFIX}configuration_scans_total`) >= 2)
    assert.equal(page.sum(`${PREFIX}ready`), 1)
    assert.ok(page.sum(`${PREFIX}repository_seconds_count`) > 0)
    await gateway.call('/managed/user?_queryFilter=true')
    await gateway.call('/managed/user/none')
    const managed = await pageOf(gateway)
    for (const operation of ['queryCollection', 'readInstance'])
      assert.equal(managed.sum('idm_managed_seconds_count', { managed_object: 'user', operation }), 1, operation)
    for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds', 'process_resident_memory_bytes'])
      assert.equal(page.find(name).length, 1, name)
  })
})
