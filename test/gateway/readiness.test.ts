import assert from 'node:assert/strict'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { reply } from '../helpers/behaviours.ts'
import { startRemote } from '../helpers/remote.ts'
import { basicOf } from '../proxy/mounted.ts'
import { ANONYMOUS, startGateway } from './parts.ts'

describe('health/ready', () => {
  it('counts faults and failing instances, which make it unready where the settings say so', async () => {
    const remote = await startRemote()
    const { call } = await startGateway({
      plugins: [packageRoot],
      conf: { 'external.idm-eu.json': basicOf(remote), 'external.idm-bad.json': { authType: 'none' } },
    })
    const ready = async () => {
      const { status, json } = await call('/health/ready', { headers: ANONYMOUS })
      return { status, body: json as { detail?: unknown } }
    }
    const configure = async (readinessChecks: string[]) => {
      const { status } = await call('/config/gateway', { method: 'PUT', json: { readinessChecks } })
      assert.ok(status === 200 || status === 201)
    }
    assert.deepEqual(await ready(), { status: 200, body: { configurationFaults: 1 } })
    await configure(['configuration'])
    const { status, body } = await ready()
    assert.equal(status, 503)
    assert.deepEqual(body.detail, {
      shortDesc: 'OpenIDM has faults that readinessChecks names',
      state: 'ACTIVE_NOT_READY',
      configurationFaults: 1,
    })
    await configure(['instances'])
    assert.equal((await ready()).status, 200)
    remote.answer(reply({ status: 401 }))
    await call('/external/idm/eu/managed/user')
    assert.equal((await ready()).status, 503)
    await configure([])
    assert.deepEqual(await ready(), { status: 200, body: { configurationFaults: 1, failingInstances: 1 } })
    remote.answer(reply({ body: {} }))
    await call('/external/idm/eu/managed/user')
    await call('/config/external.idm/bad', { method: 'DELETE' })
    assert.deepEqual(await ready(), { status: 200, body: {} })
  })
})
