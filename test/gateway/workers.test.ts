import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { guarded, reply } from '../helpers/behaviours.ts'
import { onCleanUp, ownedBySuite } from '../helpers/clean-up.ts'
import { type GatewayProcess, PASSWORD, startGatewayProcess } from '../helpers/gateway-process.ts'
import { assertSince } from '../helpers/patience.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basic } from '../security/app.ts'
import { EACH, workersOf } from './workers-stage.ts'

async function everywhere(gateway: GatewayProcess, path: string, options = {}): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: EACH }, () => gateway.call(path, options)))
  return [...new Set(answers.map(({ status }) => status))]
}

const WORKERS = ['--workers', '2']

describe('--workers', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  describe('two', () => {
    ownedBySuite()
    let remote: Remote
    let gateway: GatewayProcess

    before(async () => {
      remote = await startRemote()
      const env = { LOG_LEVEL: 'info' }
      gateway = await startGatewayProcess({ 'external.idm-eu.json': basic(remote) }, { args: WORKERS, env })
    })

    const replaced = (count: number) =>
      until(
        () => gateway.process.stderr.match(/replacement worker is ready/g)?.length === count,
        `${count} were replaced`,
      )

    it('say once where they listen, and both serve', async () => {
      assert.equal(workersOf(gateway).length, 2)
      assert.equal(gateway.process.stdout.match(/Listening on/g)?.length, 1)
      assert.deepEqual(await everywhere(gateway, 'external/idm/eu/x'), [200])
      const names = new Set(remote.requests.map(({ headers }) => headers.via))
      assert.equal(names.size, 1, 'by one name, so that a loop is seen in whichever worker it comes back')
      assert.equal(new Set(remote.requests.map(({ socket }) => socket)).size >= 2, true)
    })

    it('a request that comes back to the other worker is a loop', async () => {
      await gateway.call('external/idm/eu/x')
      const { via } = remote.last.headers
      assert.deepEqual(await everywhere(gateway, 'external/idm/eu/x', { headers: { via } }), [508])
    })

    it('a change over REST is in force in both when it is answered, and so is its end', async () => {
      for (let n = 0; n < 10; n++) {
        const path = `config/external.idm/n${n}`
        assert.equal((await gateway.call(path, { method: 'PUT', json: basic(remote) })).status, 201)
        assert.deepEqual(await everywhere(gateway, `external/idm/n${n}/x`), [200])
        assert.deepEqual(await everywhere(gateway, path), [200])
        assert.equal((await gateway.call(path, { method: 'DELETE' })).status, 200)
        assert.deepEqual(await everywhere(gateway, `external/idm/n${n}/x`), [404])
      }
    })

    it('changes of one object in both at once do not undo each other', async () => {
      const path = 'config/external.idm/patched'
      await gateway.call(path, { method: 'PUT', json: basic(remote, { list: [] }) })
      const patch = (n: number) =>
        gateway.call(path, { method: 'PATCH', json: [{ operation: 'add', field: `/_n${n}`, value: n }] })
      const answers = await Promise.all(Array.from({ length: EACH }, (_, n) => patch(n)))
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
      const stored = (await gateway.call(path)).json as Record<string, unknown>
      assert.deepEqual(
        Array.from({ length: EACH }, (_, n) => stored[`_n${n}`]),
        Array.from({ length: EACH }, (_, n) => n),
      )
    })

    it('managed objects are the same in both, and written by both', async () => {
      const create = (n: number) => {
        const json = { userName: `user${n}`, givenName: 'A', sn: 'B', mail: `user${n}@example.com` }
        return gateway.call('managed/user?_action=create', { method: 'POST', json })
      }
      const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => create(n % 20)))
      const statuses = answers.map(({ status }) => status)
      assert.equal(statuses.filter((status) => status === 201).length, 20, 'each name once, whoever is asked')
      const { json } = await gateway.call('managed/user?_queryFilter=true&_fields=userName')
      assert.equal((json as { resultCount: number }).resultCount, 20)
    })

    it('one that is killed is replaced, and nobody else notices', async () => {
      const [victim = 0, other = 0] = workersOf(gateway)
      process.kill(victim, 'SIGKILL')
      await until(() => !workersOf(gateway).includes(victim))
      assert.deepEqual(await everywhere(gateway, 'external/idm/eu/x'), [200], 'the other one serves')
      await replaced(1)
      assert.ok(workersOf(gateway).length === 2 && workersOf(gateway).includes(other))
      assert.match(gateway.process.stderr, /worker exited unexpectedly/)
      const path = 'config/external.idm/after'
      assert.equal((await gateway.call(path, { method: 'PUT', json: basic(remote) })).status, 201)
      assert.deepEqual(await everywhere(gateway, 'external/idm/after/x'), [200], 'the new one is asked like the others')
    })

    it('one that dies with the turn to write keeps the others from nothing', async () => {
      const put = (n: number) =>
        gateway.call(`config/external.idm/d${n}`, { method: 'PUT', json: basic(remote) }).catch(() => undefined)
      const writes = Array.from({ length: 8 }, (_, n) => put(n))
      const [victim = 0] = workersOf(gateway)
      process.kill(victim, 'SIGKILL')
      await Promise.all(writes)
      await replaced(2)
      const again = await gateway.call('config/external.idm/d0', { method: 'PUT', json: basic(remote) })
      assert.ok(again.status < 300, again.text)
    })

    it('stop together when the first process is told to', async () => {
      const workers = workersOf(gateway)
      assert.deepEqual(await gateway.process.kill('SIGTERM'), { code: 0, signal: null })
      for (const pid of workers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    })
  })

  it('ask a token endpoint once, be they asked at once or one after the other fails', async () => {
    const tokens = await startTokenServer({ tls: false })
    const remote = await startRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const content = {
      authType: 'bearer',
      instanceUrl: remote.url,
      tokenEndpoint: tokens.tokenEndpoint.replace('am.example.com', '127.0.0.1'),
      tokenEndpointAuthMethod: 'client_secret_post',
      clientId: DEFAULT_CLIENT.id,
      clientSecret: DEFAULT_CLIENT.secret,
      scope: ['fr:idm:*'],
    }
    const gateway = await startGatewayProcess({ 'external.idm-eu.json': content }, { args: ['--workers', '3'] })
    const gate = Promise.withResolvers<void>()
    tokens.answer(async (exchange) => {
      await gate.promise
      await tokens.honest(exchange)
    })
    const calls = Array.from({ length: 30 }, () => gateway.call('external/idm/eu/x'))
    await until(() => tokens.requests.length > 0)
    // All workers have asked by the time that each has answered something else.
    await everywhere(gateway, 'info/ping')
    gate.resolve()
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    assert.deepEqual(new Set(statuses), new Set([200]))
    assert.equal(tokens.requests.length, 1)
    assert.ok(!gateway.process.output.includes(DEFAULT_CLIENT.secret))
  })

  it('stop as well while one of them is only being started', async () => {
    const gateway = await startGatewayProcess({}, { args: WORKERS })
    const [victim = 0, ...others] = workersOf(gateway)
    process.kill(victim, 'SIGKILL')
    await until(() => workersOf(gateway).some((pid) => pid !== victim && !others.includes(pid)), 'another one begins')
    const begin = performance.now()
    assert.deepEqual(await gateway.process.kill('SIGTERM'), { code: 0, signal: null })
    assertSince(begin, 5000)
  })

  it('when the first process is killed, none is left', async () => {
    const gateway = await startGatewayProcess({}, { args: WORKERS })
    const workers = workersOf(gateway)
    await gateway.process.kill('SIGKILL')
    for (const pid of workers) {
      await until(() => {
        assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
        return true
      }, `worker ${pid} ends`)
    }
  })

  it('a start that fails is told once, and leaves none', async () => {
    const first = await startGatewayProcess({})
    const args = [...WORKERS, '--port', String(first.port)]
    await assert.rejects(startGatewayProcess({}, { args }), (error: Error) => {
      assert.match(error.message, /code 1/)
      const lines = error.message.match(/cannot listen on .*: the port is already in use/g)
      assert.equal(lines?.length, 1, error.message)
      return true
    })
  })

  it('are a whole number', async () => {
    await assert.rejects(startGatewayProcess({}, { args: ['--workers', '0'] }), /must be a whole number from 1 to 64/)
  })

  it('keep connections apart: a kept one stays with its worker', async () => {
    const remote = await startRemote()
    const gateway = await startGatewayProcess({ 'external.idm-eu.json': basic(remote) }, { args: WORKERS })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onCleanUp(() => agent.destroy())
    for (let n = 0; n < 10; n++) assert.equal((await gateway.call('external/idm/eu/x', { agent })).status, 200)
    assert.equal(remote.connections, 1)
    assert.ok(!gateway.process.output.includes(PASSWORD))
  })
})
