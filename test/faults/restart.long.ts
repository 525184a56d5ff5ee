import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { echo } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import type { Remote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basicOf, startTlsRemote } from '../proxy/mounted.ts'
import { type App, startApp } from '../security/app.ts'
import { startTraffic } from '../security/traffic.ts'
import { assertNothingLeft, leavesNothing, toldBy } from './fault.ts'

describe('a remote that restarts under load', () => {
  leavesNothing()

  it('its connections die again and again: no GET fails', async () => {
    const remote = await startTlsRemote()
    const app = await startApp({ eu: basicOf(remote) })
    const traffic = startTraffic(app, ['eu/a', 'eu/b', 'eu/c'], 16)
    for (let n = 1; n <= 5; n++) {
      const seen = traffic.answers
      await until(() => traffic.answers >= seen + 60, 'the load goes on')
      remote.server.closeAllConnections()
    }
    await traffic.stop()
    assert.deepEqual(traffic.failures, [])
    assert.deepEqual(toldBy(app), [])
    await assertNothingLeft(app, [remote])
  })

  it('connections that rested while it restarted cost no GET or HEAD anything', async () => {
    const { app, remote } = await restarted()
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => app.call(`eu/${n}`, { method })))
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    }
    assert.deepEqual(toldBy(app), [])
    await assertNothingLeft(app, [remote])
  })

  it('is down for a while: 502 at once, and not one failure more when it is up', async () => {
    const first = await startTlsRemote()
    const { port } = first
    const app = await startApp({ eu: basicOf(first) })
    const traffic = startTraffic(app, ['eu/a', 'eu/b'], 8)
    await until(() => traffic.answers > 100)
    await first.close()
    await until(() => traffic.failures.length > 50)
    const second = await startTlsRemote({ port })
    await until(async () => (await app.call('eu/up')).status === 200)
    const failures = traffic.failures.length
    const seen = traffic.answers
    await until(() => traffic.answers > seen + 200, 'the load goes on')
    await traffic.stop()
    assert.ok(traffic.failures.length - failures <= 8, 'at most what was under way when it came up')
    for (const failure of traffic.failures) assert.match(failure, /"code":50[23],.*Remote instance \\"eu\\": /)
    assert.equal(toldBy(app).length, 1)
    assert.equal(app.status('eu')?.state, 'READY')
    await assertNothingLeft(app, [second])
  })
})

/** A remote that came back on its port, and a gateway with connections to the one that was there before. */
async function restarted(): Promise<{ app: App; remote: Remote }> {
  const first = await startTlsRemote({ behaviour: echo() })
  const { port } = first
  const app = await startApp({ eu: basicOf(first) })
  const agent = new Agent({ keepAlive: true })
  onCleanUp(() => agent.destroy())
  await Promise.all(Array.from({ length: 8 }, (_, n) => app.call(`eu/${n}`, { agent })))
  agent.destroy()
  await first.close()
  return { app, remote: await startTlsRemote({ port }) }
}
