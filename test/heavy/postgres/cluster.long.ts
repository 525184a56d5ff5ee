import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { openPostgresRepository } from '../../../lib/repo/postgres/repository.ts'
import { onCleanUp, ownedBySuite } from '../../helpers/clean-up.ts'
import type { GatewayProcess } from '../../helpers/gateway-process.ts'
import { until } from '../../helpers/until.ts'
import { keysOf, silent } from '../../repo/repositories.ts'
import { byRole, type ClusterStage, clusterStage, create, nodesOf, post, type RUNS } from './cluster-stage.ts'

const USERS = 500
/** Longer than a lease, and shorter than a node may be away. */
const TAKEOVER_MS = 30_000

/** Each second, once. */
const TICKS = {
  type: 'cron',
  schedule: '* * * * * ?',
  invokeService: 'script',
  invokeContext: {
    script: {
      type: 'text/javascript',
      source: 'openidm.create("managed/tick", null, { userName: String(Math.round(Date.now() / 1000)) })',
    },
  },
}

describe('several gateways on one PostgreSQL', () => {
  ownedBySuite()
  let stage: ClusterStage
  let gateways: GatewayProcess[]

  before(async () => {
    stage = await clusterStage()
    const keys = keysOf(stage.keys.trim())
    const repository = await openPostgresRepository({ ...stage.place, keys, log: silent })
    const store = await repository.store('managed/user')
    const names = Array.from({ length: USERS }, (_, index) => `user-${index}`)
    await Promise.all(names.map((userName) => store.insert(userName, { userName })))
    await repository.close()
    const options = { conf: { 'schedule-ticks.json': TICKS } }
    gateways = [await stage.start(options), await stage.start(options)]
  })

  const namesAt = async (name: string): Promise<string[]> => {
    const { result } = await stage.remote.connection.query(`managed/${name}`, { _queryFilter: 'true' })
    return result.map(({ userName }) => String(userName))
  }

  /** Starts a run, and waits until it creates objects. */
  async function startRun(gateway: GatewayProcess, name: (typeof RUNS)[number]): Promise<string> {
    const started = await post(gateway, `recon?_action=recon&mapping=${name}`)
    assert.equal(started.status, 200, started.text)
    await until(() => stage.remote.requests.filter((line) => line.startsWith(`PUT /managed/${name}/`)).length > 50)
    return String((started.json as JsonObject)._id)
  }

  const stateOf = async (gateway: GatewayProcess, id: string) =>
    ((await gateway.call(`recon/${id}`)).json as JsonObject | undefined)?.state

  async function assertCarriedOut(gateway: GatewayProcess, id: string, name: string): Promise<void> {
    await until(async () => (await stateOf(gateway, id)) === 'SUCCESS', `${name} has ended`, { timeoutMs: TAKEOVER_MS })
    const names = await namesAt(name)
    assert.equal(names.length, USERS)
    assert.equal(new Set(names).size, USERS)
  }

  it('are nodes with ids of their own, of which one leads', async () => {
    for (const gateway of gateways) {
      const nodes = await until(async () => {
        const found = await nodesOf(gateway)
        return found.filter(({ leads }) => leads).length === 1 && found
      })
      assert.deepEqual(
        nodes.map(({ instanceId, state }) => [instanceId, state]),
        [
          ['node1', 'running'],
          ['node1.2', 'running'],
        ],
      )
      assert.deepEqual(new Set(nodes.map(({ pid }) => pid)), new Set(gateways.map(({ process }) => process.child.pid)))
    }
  })

  it('share objects, and carry over what is written at any of them', async () => {
    const { leader, other } = await byRole(gateways)
    assert.equal((await create(other, 'managed/role/r1', { userName: 'one' })).status, 201)
    assert.deepEqual(await namesAt('role'), ['one'])
    assert.equal((await leader.call('managed/role/r1')).status, 200)
    assert.equal((await create(leader, 'managed/role/r2', { userName: 'two' })).status, 201)
    assert.deepEqual((await namesAt('role')).sort(), ['one', 'two'])
    assert.equal((await other.call('managed/role/r2')).status, 200)
  })

  it('show and cancel runs that another one carries out', async () => {
    const { leader, other } = await byRole(gateways)
    const id = await startRun(other, 'canceled')
    for (const gateway of gateways) assert.equal(await stateOf(gateway, id), 'ACTIVE')
    assert.equal((await post(other, `recon/${id}?_action=cancel`)).status, 200)
    await until(async () => (await stateOf(leader, id)) === 'CANCELED')
    assert.ok((await namesAt('canceled')).length < USERS)
  })

  it('share the work of a run', async () => {
    const { leader, other } = await byRole(gateways)
    const id = await startRun(other, 'shared')
    await assertCarriedOut(leader, id, 'shared')
    const { json } = await other.call(`recon/${id}`)
    const counts = (json as { sourceProcessedByNode: Record<string, number> }).sourceProcessedByNode
    assert.deepEqual(Object.keys(counts).sort(), ['node1', 'node1.2'])
    assert.equal(
      Object.values(counts).reduce((sum, count) => sum + count, 0),
      USERS,
    )
    assert.ok(Math.min(...Object.values(counts)) >= 50, JSON.stringify(counts))
  })

  it('one that is paused writes nothing when it goes on: another one has resumed its run', async () => {
    const { leader, other } = await byRole(gateways)
    const id = await startRun(other, 'paused')
    const { pid = 0 } = leader.process.child
    process.kill(pid, 'SIGSTOP')
    onCleanUp(() => process.kill(pid, 'SIGCONT'))
    await assertCarriedOut(other, id, 'paused')
    const before = stage.remote.requests.length
    process.kill(pid, 'SIGCONT')
    await until(async () => (await nodesOf(leader)).filter(({ leads }) => leads).length === 1)
    await until(() => leader.process.stderr.includes('no longer runs reconciliations'))
    await until(async () => (await stateOf(leader, id)) === 'SUCCESS')
    assert.equal(stage.remote.requests.length, before)
    assert.equal((await byRole(gateways)).leader, other)
  })

  it('one that is killed is replaced: its run goes on, and nothing is created twice', async () => {
    const { leader, other } = await byRole(gateways)
    const id = await startRun(other, 'killed')
    leader.process.kill('SIGKILL')
    await assertCarriedOut(other, id, 'killed')
    gateways = [other]
  })

  it('fire a schedule once', async () => {
    const [gateway] = gateways
    assert.ok(gateway)
    const { json } = await gateway.call('managed/tick?_queryFilter=true&_pageSize=1000')
    const { result } = json as { result: JsonObject[] }
    const seconds = result.map(({ userName }) => Number(userName))
    assert.ok(seconds.length > 5)
    const passed = Math.max(...seconds) - Math.min(...seconds)
    assert.ok(seconds.length <= passed + 2, `${seconds.length} times in ${passed} s`)
  })

  it('one that stops hands over at once', async () => {
    gateways = [...gateways, await stage.start()]
    const { leader, other } = await byRole(gateways)
    const id = await startRun(other, 'stopped')
    const begin = performance.now()
    leader.process.kill('SIGTERM')
    const former = leader.process.child.pid
    await until(async () => (await nodesOf(other)).some(({ leads, pid }) => leads && pid !== former))
    assert.ok(performance.now() - begin < 10_000, 'it waited for no lease')
    await assertCarriedOut(other, id, 'stopped')
    assert.equal((await leader.process.exited).code, 0)
  })
})
