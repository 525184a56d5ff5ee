import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { EACH, MAPPING as PAIR, startWorkersStage } from '../../gateway/workers-stage.ts'
import { held } from '../../helpers/behaviours.ts'
import { startGatewayProcess } from '../../helpers/gateway-process.ts'
import { startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basicOf } from '../../proxy/mounted.ts'
import { CAPTURING, counter, REFUSED } from './capture-stage.ts'

const PATH = 'external/idm/eu/managed/user'
const PUT = { method: 'PUT', json: { sn: 'x' } }
const MAPPING = { ...CAPTURING, target: 'external/idm/us/managed/user' }

describe('captureChanges in processes of their own', () => {
  it('turns what was under way when the process was killed into events at the next start', async () => {
    const hold = held(REFUSED)
    const remote = await startRemote({ behaviour: hold })
    const conf = {
      'external.idm-eu.json': basicOf(remote),
      'external.idm-us.json': basicOf(remote),
      'sync.json': { mappings: [MAPPING] },
      'gateway.json': { live: true },
    }
    const first = await startGatewayProcess(conf)
    const calls = [first.call(`${PATH}/u1`, PUT), first.call(`${PATH}`, { ...PUT, method: 'POST' })]
    await until(() => hold.waiting === 2, 'both were sent')
    await first.process.kill('SIGKILL')
    await Promise.allSettled(calls)
    const count = counter(join(first.project, 'db/openidm.db'))
    assert.deepEqual([count('capture_intent'), count('sync_event')], [2, 0])
    const second = await startGatewayProcess(conf, { project: first.project, env: { LOG_LEVEL: 'info' } })
    assert.equal(count('capture_intent'), 0)
    assert.match(second.process.output, /2 may have changed objects/)
    const shown = (await second.call('sync/mappings/m')).json as JsonObject
    assert.match(String(shown.needsFullRunSince), /^\d{4}-/)
  })

  it('carries over in the leader what passes through any worker', async function () {
    if (process.platform !== 'linux') this.skip()
    const mapping = { ...PAIR, captureChanges: true }
    const { gateway, target } = await startWorkersStage({
      workers: 2,
      users: [],
      conf: { 'sync.json': { mappings: [mapping] }, 'gateway.json': { live: true } },
    })
    const names = Array.from({ length: EACH }, (_, n) => `u${n}`)
    const put = (name: string) =>
      gateway.call(`external/idm/a/managed/user/${name}`, { method: 'PUT', json: { userName: name } })
    for (const { status } of await Promise.all(names.map(put))) assert.equal(status, 201)
    await until(async () => {
      const { result } = await target.connection.query('managed/user', { _queryFilter: 'true' })
      return result.length === names.length
    }, 'all are carried over')
  })

  it('notes in each worker what that one sends, and takes it over from one that has ended', async function () {
    if (process.platform !== 'linux') this.skip()
    const hold = held(REFUSED)
    const remote = await startRemote({ behaviour: hold })
    const mappings = [MAPPING]
    const conf = { 'external.idm-eu.json': basicOf(remote), 'sync.json': { mappings }, 'gateway.json': { live: true } }
    const { gateway, leader } = await startWorkersStage({ workers: 2, users: [], conf })
    const count = counter(join(gateway.project, 'db/openidm.db'))
    const ids = Array.from({ length: EACH }, (_, n) => `u${n}`)
    const calls = ids.map((id) => gateway.call(`${PATH}/${id}`, PUT))
    const answers = Promise.allSettled(calls)
    await until(() => hold.waiting === ids.length, 'all were sent')
    assert.equal(count('capture_intent'), ids.length)
    process.kill(leader(), 'SIGKILL')
    await until(() => count('capture_intent') < ids.length, 'those of the other one are taken over')
    const left = count('capture_intent')
    hold.release()
    const statuses = (await answers).flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.status] : []))
    assert.deepEqual(
      statuses,
      statuses.map(() => 409),
    )
    assert.ok(left > 0)
    assert.equal(left, statuses.length)
    await until(() => count('capture_intent') === 0)
    assert.equal(count('sync_event'), ids.length - left)
  })
})
