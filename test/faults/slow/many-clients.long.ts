import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { openSockets, residentMegabytes, startGatewayProcess } from '../../helpers/gateway-process.ts'
import { assertSince } from '../../helpers/patience.ts'
import { startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basic } from '../../security/app.ts'

const CLIENTS = 10_000
/** Connections in the making at a time: no more than a listening socket queues. */
const BATCH = 200
const PING = 'GET /openidm/info/ping HTTP/1.1\r\nHost: x\r\n\r\n'

/** Opens a connection, has one request answered on it and leaves it alone. */
function restingClient(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('error', reject)
    socket.once('connect', () => socket.write(PING))
    socket.once('data', () => {
      socket
        .off('error', reject)
        .on('error', () => undefined)
        .resume()
      resolve(socket)
    })
  })
}

describe('10,000 idle keep-alive clients', () => {
  it('cost some memory and nobody else anything; when they leave, all is as before', async function () {
    if (process.platform !== 'linux') this.skip()
    const remote = await startRemote()
    const gateway = await startGatewayProcess({ 'external.idm-eu.json': basic(remote) })
    const { pid } = gateway.process.child
    assert.equal((await gateway.call('external/idm/eu/x')).status, 200)
    const before = { sockets: openSockets(pid), memory: residentMegabytes(pid) }
    const clients: Socket[] = []
    onCleanUp(() => clients.forEach((socket) => void socket.destroy()))
    while (clients.length < CLIENTS) {
      clients.push(...(await Promise.all(Array.from({ length: BATCH }, () => restingClient(gateway.port)))))
    }
    assert.ok(openSockets(pid) >= before.sockets + CLIENTS - 10)
    const begin = performance.now()
    for (let n = 0; n < 20; n++) assert.equal((await gateway.call('external/idm/eu/x')).status, 200)
    assertSince(begin, 20 * 200, '20 calls')
    const perClient = ((residentMegabytes(pid) - before.memory) * 1024) / CLIENTS
    assert.ok(perClient < 40, `${Math.round(perClient)} KB a client`)
    for (const socket of clients) socket.destroy()
    await until(() => openSockets(pid) <= before.sockets, 'their sockets are closed')
    assert.equal((await gateway.call('external/idm/eu/x')).status, 200)
    assert.equal(
      gateway.process.stderr.match(/"level":"(warn|error)"/g)?.length ?? 0,
      noticesOf(gateway.process.stderr),
    )
    assert.deepEqual(await gateway.process.kill('SIGTERM'), { code: 0, signal: null })
  })
})

/** Said of the settings at the start, by design. */
const noticesOf = (stderr: string): number => stderr.match(/clear text|holds secrets/g)?.length ?? 0
