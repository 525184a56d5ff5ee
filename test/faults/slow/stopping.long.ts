import assert from 'node:assert/strict'
import { held } from '../../helpers/behaviours.ts'
import { type GatewayProcess, startGatewayProcess } from '../../helpers/gateway-process.ts'
import { assertSince } from '../../helpers/patience.ts'
import { startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basic } from '../../security/app.ts'

const CALLERS = 32

/** Callers that never rest; each request has a number, by which the remote knows it. */
function startLoad(gateway: GatewayProcess) {
  const answered = new Set<string>()
  const refused: string[] = []
  let running = true
  let next = 0
  const caller = async () => {
    while (running) {
      const path = `external/idm/eu/${next++}`
      try {
        const { status, text } = await gateway.call(path)
        if (status === 200) answered.add(`/${path.slice('external/idm/eu/'.length)}`)
        else refused.push(`${status} ${text}`)
      } catch (error) {
        refused.push((error as NodeJS.ErrnoException).code ?? String(error))
        running = false
      }
    }
  }
  const over = Promise.all(Array.from({ length: CALLERS }, caller))
  return { answered, refused, over }
}

describe('SIGTERM under load', () => {
  for (const args of [[], ['--workers', '2']]) {
    it(`cuts no request that has reached the remote, and ends within its bound (${args.join(' ') || 'one process'})`, async () => {
      const remote = await startRemote()
      const gateway = await startGatewayProcess({ 'external.idm-eu.json': basic(remote) }, { args })
      const load = startLoad(gateway)
      await until(() => load.answered.size > 300, 'the load is on')
      const begin = performance.now()
      const exit = await gateway.process.kill('SIGTERM')
      assertSince(begin, 10_000, 'within its bound')
      await load.over
      assert.deepEqual(exit, { code: 0, signal: null })
      const reached = remote.requests.map(({ url }) => url.replace('/openidm', ''))
      assert.deepEqual(
        reached.filter((url) => !load.answered.has(url)),
        [],
        'whatever reached the remote was answered whole',
      )
      for (const refusal of load.refused) assert.match(refusal, /^(ECONNREFUSED|ECONNRESET|503 .*)$/s)
    })
  }

  it('a request that does not end is cut at stopTimeout', async () => {
    const remote = await startRemote({ behaviour: held() })
    const conf = { 'external.idm-eu.json': basic(remote), 'gateway.json': { stopTimeout: '500 ms' } }
    const gateway = await startGatewayProcess(conf)
    const call = gateway.call('external/idm/eu/x')
    const cut = assert.rejects(call, { code: 'ECONNRESET' })
    await remote.received()
    const begin = performance.now()
    assert.deepEqual(await gateway.process.kill('SIGTERM'), { code: 0, signal: null })
    assert.ok(performance.now() - begin >= 500)
    assertSince(begin, 5000)
    await cut
  })

  it('a second SIGTERM, later than npm would repeat the first one, ends it at once', async () => {
    const remote = await startRemote({ behaviour: held() })
    const gateway = await startGatewayProcess({ 'external.idm-eu.json': basic(remote) }, { env: { LOG_LEVEL: 'info' } })
    const cut = assert.rejects(gateway.call('external/idm/eu/x'), { code: 'ECONNRESET' })
    await remote.received()
    gateway.process.child.kill('SIGTERM')
    await gateway.process.line('stopping')
    await until(() => {
      gateway.process.child.kill('SIGTERM')
      return gateway.process.child.exitCode !== null
    })
    assert.deepEqual(await gateway.process.exited, { code: 130, signal: null })
    await cut
  })
})
