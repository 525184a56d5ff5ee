import assert from 'node:assert/strict'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { echo, held, inTurn, reply } from '../helpers/behaviours.ts'
import { AnswerCounts } from '../helpers/counted.ts'
import { resetBeforeHeaders } from '../helpers/faults.ts'
import { tempDir } from '../helpers/files.ts'
import { MetricsPage } from '../helpers/metrics-page.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, startIdm } from './mounted.ts'

const REQUESTS = 'openidm_external_idm_requests_total'

/** The page of a registry of the application. */
const pageOf = async (registry: Registry) => new MetricsPage(await registry.metrics())

/** What the page says of the answers of an instance, as AnswerCounts says it. */
const answersOf = (page: MetricsPage, instance: string) =>
  Object.fromEntries(
    page.find(REQUESTS, { remote: instance }).map(({ labels, value }) => [`${labels.method} ${labels.status}`, value]),
  )

describe('metrics of the instances, in a registry of the application', () => {
  it('say of a mixed load what the remotes say, repeated requests included', async () => {
    const counts = { eu: new AnswerCounts(), us: new AnswerCounts() }
    const eu = await startRemote({ behaviour: counts.eu.of(echo()) })
    const tokens = await startTokenServer()
    const us = await startRemote({ behaviour: counts.us.of(inTurn(reply({ status: 401 }), echo())) })
    const metrics = new Registry()
    const idm = await startIdm({ eu: basicOf(eu), us: bearerOf(us, tokens) }, { metrics })
    await Promise.all(Array.from({ length: 20 }, () => idm.call('eu/managed/user')))
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PURGE'])
      await idm.call('eu/managed/user/1', { method })
    for (const status of [404, 412, 503]) {
      eu.answer(counts.eu.of(reply({ status })))
      await idm.call('eu/managed/user/2')
    }
    eu.answer(counts.eu.of(inTurn(resetBeforeHeaders(), echo())))
    assert.equal((await idm.call('eu/managed/user')).status, 200)
    eu.answer(resetBeforeHeaders())
    assert.equal((await idm.call('eu/managed/user', { method: 'POST' })).status, 502)
    for (let count = 0; count < 3; count++) assert.equal((await idm.call('us/managed/user')).status, 200)

    const page = await pageOf(metrics)
    // PURGE is refused, and reaches no remote.
    assert.deepEqual(answersOf(page, 'eu'), counts.eu.toJSON())
    assert.deepEqual(answersOf(page, 'us'), counts.us.toJSON())
    assert.deepEqual(counts.us.toJSON(), { 'GET 200': 3, 'GET 401': 1 })
    assert.equal(page.sum('openidm_external_idm_retries_total', { remote: 'us', reason: 'token' }), 1)
    assert.equal(page.sum('openidm_external_idm_retries_total', { remote: 'eu', reason: 'connection' }), 1)
    assert.equal(page.sum('openidm_external_idm_failures_total', { remote: 'eu', fault: 'reset' }), 1)
    assert.equal(page.sum('openidm_external_idm_token_requests_total', { remote: 'us', outcome: 'success' }), 2)
    assert.equal(tokens.remote.requests.length, 2)
    assert.equal(page.sum('openidm_external_idm_request_seconds_count'), page.sum(REQUESTS))
  })

  it('show queue, circuit and state as they are', async () => {
    const answers = held()
    const remote = await startRemote({ behaviour: answers })
    const metrics = new Registry()
    const idm = await startIdm(
      { eu: basicOf(remote, { maxConnections: 1 }), off: { enabled: false, ...basicOf(remote) } },
      { metrics },
    )
    const calls = [1, 2, 3].map((id) => idm.call(`eu/managed/user/${id}`))
    const gauge = async (name: string) => (await pageOf(metrics)).sum(`openidm_external_idm_${name}`, { remote: 'eu' })
    await until(async () => (await gauge('requests_queued')) === 2, 'two requests wait')
    assert.equal(await gauge('requests_in_flight'), 3)
    answers.release()
    await Promise.all(calls)
    await until(async () => (await gauge('requests_in_flight')) === 0, 'no request is in flight')
    assert.equal(await gauge('requests_queued'), 0)
    const states = async () =>
      (await pageOf(metrics))
        .find('openidm_external_idm_instance_state')
        .map(({ labels }) => [labels.remote, labels.state])
    assert.deepEqual(await states(), [
      ['eu', 'READY'],
      ['off', 'DISABLED'],
    ])
    await remote.close()
    assert.equal(await gauge('circuit_open'), 0)
    for (let count = 0; count < 5; count++) await idm.call('eu/managed/user')
    assert.equal(await gauge('circuit_open'), 1)
    assert.deepEqual(await states(), [
      ['eu', 'FAILING'],
      ['off', 'DISABLED'],
    ])
  })

  it('end with their instance, and leave the registry on close', async () => {
    const remote = await startRemote()
    const metrics = new Registry()
    const idm = await startIdm({ eu: basicOf(remote) }, { metrics })
    await idm.call('eu/managed/user')
    assert.equal((await pageOf(metrics)).sum(REQUESTS, { remote: 'eu' }), 1)
    await unlink(join(idm.confDir, 'external.idm-eu.json'))
    await until(async () => (await pageOf(metrics)).series.length === 0, 'all series of eu are gone')
    await idm.close()
    assert.equal(await metrics.metrics(), '\n')
  })

  it('are joined by those of reconciliations, scripts and database with the option sync', async () => {
    const metrics = new Registry()
    const db = join(await tempDir(), 'openidm.db')
    const idm = await startIdm({}, { metrics, sync: { db }, authorizeManagement: () => false })
    const { types } = await pageOf(metrics)
    for (const name of ['requests_total', 'recon_runs_total', 'script_seconds', 'repository_seconds'])
      assert.ok(types.has(`openidm_external_idm_${name}`), name)
    await idm.close()
    assert.equal(await metrics.metrics(), '\n')
  })
})
