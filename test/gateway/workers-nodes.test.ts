import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import type { JsonObject } from '../../lib/contract.ts'
import { Nodes } from '../../lib/gateway/workers/nodes.ts'
import { onCleanUp, ownedBySuite } from '../helpers/clean-up.ts'
import { type GatewayProcess, startGatewayProcess } from '../helpers/gateway-process.ts'
import type { CallOptions } from '../helpers/http.ts'
import { until } from '../helpers/until.ts'
import { EACH, leaders, workersOf } from './workers-stage.ts'

const IDS = ['west-1', 'west-2', 'west-3']
/** What does not change between two requests. */
const STABLE = '_id,instanceId,startup,state,shutdown,pid,leads,version,restarts,lastExit'

describe('Nodes', () => {
  const HOUR = 3_600_000
  const exit = { code: null, signal: 'SIGKILL' }
  const startup = new Date(0)
  const worker = (pid: number) => ({ pid, startup, member: { send: () => undefined } })

  it('are listed by number once they serve', () => {
    const nodes = new Nodes(({ send }) => send === second.member.send)
    const second = worker(22)
    nodes.started(2, second)
    nodes.ended(3, exit)
    nodes.started(1, worker(11))
    const common = { startup: '1970-01-01T00:00:00.000Z', restarts: 0, lastExit: null }
    assert.deepEqual(nodes.list(), [
      { number: 1, pid: 11, leads: false, ...common },
      { number: 2, pid: 22, leads: true, ...common },
    ])
  })

  it('that are down lead no longer, and are forgotten after an hour', () => {
    const nodes = new Nodes(() => true)
    nodes.started(1, worker(11))
    nodes.ended(1, exit, 1000)
    const lastExit = { pid: 11, time: '1970-01-01T00:00:01.000Z', ...exit }
    const down = { number: 1, pid: null, startup: '1970-01-01T00:00:00.000Z', leads: false, restarts: 0, lastExit }
    assert.deepEqual(nodes.list(999 + HOUR), [down])
    assert.deepEqual(nodes.list(1000 + HOUR), [])
    nodes.started(1, worker(12))
    assert.deepEqual(nodes.list(2000), [{ ...down, pid: 12, leads: true, restarts: 1 }])
    assert.deepEqual(nodes.list(1000 + HOUR), [{ ...down, pid: 12, leads: true, restarts: 1, lastExit: null }])
  })
})

describe('the nodes of --workers', () => {
  ownedBySuite()
  let gateway: GatewayProcess

  before(async function () {
    if (process.platform !== 'linux') this.skip()
    const env = { LOG_LEVEL: 'info', OPENIDM_NODE_ID: 'west' }
    gateway = await startGatewayProcess({}, { args: ['--workers', '3'], env })
  })

  const nodes = async (filter = 'true', fields = STABLE, options: CallOptions = {}): Promise<JsonObject[]> => {
    const query = new URLSearchParams({ _queryFilter: filter, _fields: fields })
    const { status, json, text } = await gateway.call(`cluster?${query}`, options)
    assert.equal(status, 200, text)
    return (json as { result: JsonObject[] }).result
  }
  const leader = () => leaders(gateway).at(-1) ?? 0

  it('are the same by whichever is asked', async () => {
    const answers = await Promise.all(Array.from({ length: EACH }, () => nodes()))
    const [first = []] = answers
    for (const answer of answers) assert.deepEqual(answer, first)
    const ids = (name: string) => first.map((node) => node[name])
    assert.deepEqual([ids('_id'), ids('instanceId')], [IDS, IDS])
    assert.deepEqual(new Set(ids('pid')), new Set(workersOf(gateway)))
    for (const { state, shutdown, restarts, lastExit, startup } of first) {
      assert.deepEqual(
        { state, shutdown, restarts, lastExit },
        { state: 'running', shutdown: '', restarts: 0, lastExit: null },
      )
      assert.ok(Math.abs(Date.now() - Date.parse(String(startup))) < 60_000, String(startup))
    }
    assert.deepEqual(
      (await nodes('leads eq true')).map(({ pid }) => pid),
      [leader()],
    )
  })

  it('say how busy each is', async () => {
    const all = await until(async () => {
      const found = await nodes('true', '*')
      // This request alone.
      const requests = found.map((node) => Number(node.requests)).sort()
      return requests.join() === '0,0,1' && found
    }, 'no other request is under way')
    for (const { uptime, connections, memory } of all) {
      const { rss, heapUsed } = memory as { rss: number; heapUsed: number }
      assert.ok(rss > heapUsed && heapUsed > 1_000_000, JSON.stringify(memory))
      assert.ok(Number(uptime) >= 0 && Number(uptime) < 60 && Number(connections) >= 0)
    }
  })

  it('are read one by one, and as a list', async () => {
    const one = (await gateway.call('cluster/west-2')).json as JsonObject
    assert.deepEqual([one._id, one.instanceId, one.state], ['west-2', 'west-2', 'running'])
    const { results } = (await gateway.call('cluster')).json as { results: JsonObject[] }
    assert.deepEqual(
      results.map(({ instanceId }) => instanceId),
      IDS,
    )
    for (const id of ['west', 'west-4', 'west-0']) assert.equal((await gateway.call(`cluster/${id}`)).status, 404, id)
  })

  it('one that is killed is down, then runs again by its name; another leads', async () => {
    const killed = leader()
    const [before] = await nodes(`pid eq ${killed}`)
    process.kill(killed, 'SIGKILL')
    const [down] = await until(async () => {
      const found = await nodes('state eq "down"')
      return found.length > 0 && found
    }, 'a node is down')
    assert.deepEqual([down?._id, down?.pid, down?.leads], [before?._id, null, false])
    assert.ok(Date.now() - Date.parse(String(down?.shutdown)) < 30_000, String(down?.shutdown))
    assert.deepEqual(down?.lastExit, { pid: killed, time: down?.shutdown, code: null, signal: 'SIGKILL' })
    await until(async () => (await nodes('state eq "running"')).length === 3, 'it is replaced')
    const [after = {}] = await nodes(`_id eq "${before?._id}"`)
    const { pid, startup, ...rest } = after
    assert.ok(workersOf(gateway).includes(Number(pid)) && pid !== killed)
    assert.ok(Date.parse(String(startup)) >= Date.parse(String(down?.shutdown)))
    const { lastExit } = down ?? {}
    assert.deepEqual(
      { ...before, ...rest, leads: false },
      { ...before, shutdown: '', leads: false, restarts: 1, lastExit },
    )
    await until(async () => (await nodes('leads eq true')).length === 1, 'another leads')
    assert.deepEqual(
      (await nodes('leads eq true')).map(({ pid }) => pid),
      [leader()],
    )
    assert.notEqual(leader(), killed)
  })

  it('one that does not answer is listed without its figures', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onCleanUp(() => agent.destroy())
    // The others have no request under way.
    const [stopped] = await nodes('requests eq 0', 'pid', { agent })
    const pid = Number(stopped?.pid)
    process.kill(pid, 'SIGSTOP')
    onCleanUp(() => process.kill(pid, 'SIGCONT'))
    const [node] = await nodes(`pid eq ${pid}`, 'state,memory,requests,uptime', { agent })
    const { state, memory, requests, uptime } = node ?? {}
    assert.deepEqual(
      { state, memory, requests, uptime },
      { state: 'running', memory: null, requests: null, uptime: null },
    )
  })
})
