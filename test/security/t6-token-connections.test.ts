import assert from 'node:assert/strict'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { tokenFetcher } from '../../lib/remote/auth/token-endpoint.ts'
import { guarded, reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { patience } from '../helpers/patience.ts'
import { testPki } from '../helpers/pki.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { bearerOf, bearerProperties, startIdm, startTlsRemote } from '../proxy/mounted.ts'

describe('T6 connections to the token endpoint', () => {
  it('five token requests in a row over a private CA, and no socket stays', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens) })
    for (let count = 1; count <= 5; count++) {
      assert.equal((await idm.call('eu/x')).status, 200)
      assert.equal(tokens.requests.length, count)
      tokens.store.revoke()
    }
    assert.equal(tokens.requests.at(-1)?.serverName, 'am.example.com')
    await until(() => tokens.remote.openConnections === 0, 'no connection stays', { timeoutMs: patience(1000) })
  })

  it('no socket outlives the instances', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote()
    const idm = await startIdm({ eu: bearerOf(remote, tokens) })
    await idm.call('eu/x')
    await idm.close()
    await until(() => tokens.remote.openConnections + remote.openConnections === 0)
  })

  it('an endpoint without a port in its address is asked at the port of https', async () => {
    const tokens = await startTokenServer()
    const { ca } = await testPki()
    const ports: unknown[] = []
    /** A network in which `am.example.com:443` is the token server. */
    class Network extends https.Agent {
      override createConnection(options: object): Duplex {
        ports.push(Reflect.get(options, 'port'))
        return connect({ ...options, host: '127.0.0.1', port: tokens.remote.port, ca })
      }
    }
    const network = new Network()
    onCleanUp(() => network.destroy())
    const tokenEndpoint = tokens.tokenEndpoint.replace(/:\d+/, '')
    const fetchToken = tokenFetcher('eu', bearerProperties(bearerOf(remoteAnywhere, { tokenEndpoint })), () => network)
    const { value } = await fetchToken()
    assert.deepEqual(tokens.store.active, [value])
    assert.deepEqual(ports.map(Number), [443])
  })
})

const remoteAnywhere = { url: 'https://idm.example.com/openidm/' }
