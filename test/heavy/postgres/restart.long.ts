import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import type { GatewayProcess } from '../../helpers/gateway-process.ts'
import { until } from '../../helpers/until.ts'
import { clusterStage, create, post } from './cluster-stage.ts'
import { postgresServer } from './server.ts'

const USERS = 300
/** Changes of one are carried over at once, those of the other by the queue. */
const TYPES = ['role', 'group']
const WAIT_MS = 60_000

describe('PostgreSQL restarts under two gateways', () => {
  ownedBySuite()

  it('refuses clearly meanwhile, then all goes on, and nothing that was acknowledged is lost', async () => {
    const stage = await clusterStage()
    const gateways = [await stage.start(), await stage.start()]
    const [one, two] = gateways as [GatewayProcess, GatewayProcess]
    for (let index = 0; index < USERS; index++)
      assert.equal((await create(one, `managed/user/u${index}`, { userName: `u${index}` })).status, 201)

    const acknowledged: string[] = []
    /** By gateway. */
    const refusals: Record<string, JsonObject[]> = { a: [], b: [] }
    let isOver = false
    const write = async (gateway: GatewayProcess, name: string) => {
      for (let index = 0; !isOver; index++) {
        const type = TYPES[index % 2] ?? 'role'
        const id = `${name}-${index}`
        const { status, json } = await create(gateway, `managed/${type}/${id}`, { userName: id })
        if (status === 201) acknowledged.push(`${type}/${id}`)
        else refusals[name]?.push(json as JsonObject)
      }
    }
    const writers = [write(one, 'a'), write(two, 'b')]
    const started = await post(two, 'recon?_action=recon&mapping=paused')
    const { _id: run } = started.json as JsonObject
    const createdIn = (name: string) => stage.remote.requests.filter((line) => line.startsWith(`PUT /managed/${name}/`))
    await until(() => createdIn('paused').length > 30 && acknowledged.length > 30)

    const server = await postgresServer()
    await server.stop()
    // A gateway waits for a while before it refuses.
    await until(() => Object.values(refusals).every(({ length }) => length > 0), 'both refuse')
    await server.start()
    const before = acknowledged.length
    await until(() => acknowledged.length > before + 30, 'writes go on', { timeoutMs: WAIT_MS })
    isOver = true
    await Promise.all(writers)

    for (const { code, message } of Object.values(refusals).flat()) {
      assert.equal(code, 503)
      assert.match(String(message), /database/)
    }
    const objectsAt = async (gateway: GatewayProcess) => {
      const found = TYPES.map(async (type) => {
        const { json } = await gateway.call(`managed/${type}?_queryFilter=true&_fields=_id`)
        return (json as { result: { _id: string }[] }).result.map(({ _id }) => `${type}/${_id}`)
      })
      return new Set((await Promise.all(found)).flat())
    }
    for (const gateway of gateways) {
      const ids = await objectsAt(gateway)
      assert.deepEqual(
        acknowledged.filter((id) => !ids.has(id)),
        [],
      )
    }
    const namesAt = async (name: string) => {
      const { result } = await stage.remote.connection.query(`managed/${name}`, { _queryFilter: 'true' })
      return result.map(({ userName }) => String(userName))
    }
    const left = async () => {
      const found = TYPES.map(async (type) => (await namesAt(type)).map((name) => `${type}/${name}`))
      const names = new Set((await Promise.all(found)).flat())
      return acknowledged.filter((id) => !names.has(id))
    }
    await until(async () => (await left()).length === 0, 'changes are carried over', { timeoutMs: WAIT_MS }).catch(
      async (error) => assert.fail(`${String(error)}: ${(await left()).join()}`),
    )
    for (const type of TYPES) {
      const targets = await namesAt(type)
      assert.equal(new Set(targets).size, targets.length)
    }
    const stateOf = async () => ((await one.call(`recon/${run}`)).json as JsonObject | undefined)?.state
    await until(async () => (await stateOf()) === 'SUCCESS', 'the run has ended', { timeoutMs: WAIT_MS })
    const names = await namesAt('paused')
    assert.deepEqual([names.length, new Set(names).size], [USERS, USERS])
  })
})
