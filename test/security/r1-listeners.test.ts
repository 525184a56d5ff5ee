import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { onCleanUp } from '../helpers/clean-up.ts'
import { startRemote } from '../helpers/remote.ts'
import { type App, basic, startApp } from './app.ts'

const countsOf = ({ server }: App): Record<string, number> =>
  Object.fromEntries(server.eventNames().map((event) => [String(event), server.listenerCount(event)]))

function warningsOfThisTest(): string[] {
  const warnings: string[] = []
  const listener = (warning: Error) => warnings.push(warning.message)
  process.on('warning', listener)
  onCleanUp(() => process.off('warning', listener))
  return warnings
}

describe('R1 no listener stays behind', () => {
  it('neither a reload nor a request leaves one at the server', async () => {
    const warnings = warningsOfThisTest()
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    // The first request of all may leave one: there is one middleware for the life of the process.
    await app.call('eu/x')
    const before = countsOf(app)
    assert.ok((before.close ?? 0) <= 1)
    for (let n = 0; n < 15; n++) {
      await app.configure('eu', basic(remote, { userName: `svc-${n}` }))
      assert.equal((await app.call('eu/x')).status, 200)
    }
    assert.deepEqual(countsOf(app), before)
    assert.deepEqual(warnings, [])
  })

  it('nor does a request leave one on a connection that is kept, on either side', async () => {
    const warnings = warningsOfThisTest()
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onCleanUp(() => agent.destroy())
    const sockets = new Set<NodeJS.EventEmitter>()
    app.server.on('connection', (socket) => sockets.add(socket))
    const counts: number[] = []
    for (let n = 0; n < 30; n++) {
      await app.call('eu/x', { agent, method: n % 2 === 0 ? 'GET' : 'POST', ...(n % 2 === 0 ? {} : { json: { n } }) })
      const [socket] = sockets
      counts.push((socket?.eventNames() ?? []).reduce((sum, event) => sum + (socket?.listenerCount(event) ?? 0), 0))
    }
    assert.deepEqual([sockets.size, remote.connections], [1, 1])
    assert.equal(counts.at(-1), counts[1])
    // Node warns when a socket to the remote has more than ten listeners of a kind.
    assert.deepEqual(warnings, [])
  })
})
