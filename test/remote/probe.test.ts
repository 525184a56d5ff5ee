import assert from 'node:assert/strict'
import { Probe } from '../../lib/remote/check/probe.ts'
import { held, reply } from '../helpers/behaviours.ts'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basic, startGateway } from './resource-parts.ts'

/** A remote and an instance before it that nothing probes by itself. */
async function start(behaviour = reply({ body: { result: [] } })) {
  const remote = await startRemote({ behaviour })
  const { registry } = await startGateway(basic(remote.url, { probe: '1 second' }))
  return { remote, instance: registry.require('eu') }
}

describe('Probe', () => {
  it('asks again and again, and not at all once it is disposed of', async () => {
    const [ended, other] = [await start(), await start()]
    const probes = [ended, other].map(({ instance }) => Probe.start(instance))
    await ended.remote.received()
    probes[0]?.dispose()
    const before = ended.remote.requests.length
    await other.remote.received(other.remote.requests.length + 3)
    assert.equal(ended.remote.requests.length, before)
    probes[1]?.dispose()
  })

  it('leaves a request in flight when it is disposed of, and does not blame the remote', async () => {
    const { remote, instance } = await start(held(reply()))
    const probe = Probe.start(instance)
    await remote.received()
    probe?.dispose()
    await until(() => instance.inFlight === 0, 'the request has ended')
    assert.equal(instance.health.failing, false)
  })
})
