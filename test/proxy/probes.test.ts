import assert from 'node:assert/strict'
import { reply, times } from '../helpers/behaviours.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, startIdm } from './mounted.ts'

const PROBE = { probe: '1 second' }

describe('probes of instances', () => {
  it('find a remote ready, failing and ready again, without traffic', async () => {
    const remote = await startRemote({ behaviour: times(2, reply({ status: 401 }), reply({ body: { result: [] } })) })
    const tokens = await startTokenServer()
    const idm = await startIdm({
      eu: basicOf(remote, PROBE),
      us: bearerOf(await startRemote(), tokens, PROBE),
      off: basicOf(remote),
    })
    await until(() => idm.status('eu')?.state === 'FAILING', 'eu refuses')
    await until(() => idm.status('eu')?.state === 'READY', 'eu accepts')
    await until(() => idm.status('us')?.state === 'READY', 'us is ready')
    assert.equal(idm.status('off')?.state, 'UNTRIED')
    assert.equal(remote.last.url, '/openidm/managed/user?_queryFilter=true&_pageSize=1')
    await remote.close()
    await until(() => idm.status('eu')?.state === 'FAILING', 'eu is gone')
  })
})
