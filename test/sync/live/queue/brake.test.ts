import assert from 'node:assert/strict'
import type { JsonObject } from '../../../../lib/contract.ts'
import type { EventStore, Pause } from '../../../../lib/repo/queue/event-store.ts'
import { DeletionBrake } from '../../../../lib/sync/context/deletion-brake.ts'
import type { Mapping } from '../../../../lib/sync/mapping/mapping.ts'
import { withGateway } from '../../../gateway/parts.ts'
import { memoryLog } from '../../../helpers/log.ts'
import { until } from '../../../helpers/until.ts'
import { tempRepository } from '../../../repo/repositories.ts'
import { QueueStage, queuedMapping, SOURCE } from './queue-stage.ts'

async function stageWith(users: number, mapping: JsonObject): Promise<QueueStage> {
  const stage = await QueueStage.start({ mapping })
  for (let index = 0; index < users; index++) await stage.put(`u${index}`, 'x')
  await stage.drained()
  return stage
}

const count = async (stage: QueueStage) => Object.keys(await stage.targets()).length

describe('the brake', () => {
  it('pauses the queue before the deletion that exceeds the limit, until somebody releases it', async () => {
    const stage = await stageWith(6, { maxDeletesPerHour: 2 })
    for (const id of ['u0', 'u1', 'u2', 'u3']) await stage.remove(id)
    const paused = await until(async () => {
      const queue = await stage.queue()
      return queue.condition === 'paused' && queue.waiting === 2 && queue
    })
    assert.equal(await count(stage), 4)
    assert.deepEqual([paused.deletions, paused.dead], [2, 0])
    assert.match(String(paused.reason), /mapping m has deleted 2 of about \d targets .* maxDeletesPerHour \(2\)/)
    assert.equal((paused.pause as JsonObject).cause, 'brake')
    const logged = stage.gateway.log.entries.filter(({ msg }) => /queue release m/.test(String(msg)))
    assert.equal(logged.length, 1, 'it is logged once')
    const health = await stage.call('/health/queue')
    assert.deepEqual([health.isHealthy, health.paused], [false, ['m']])
    await stage.put('late', 'x')
    const { pause } = await stage.post('/sync/queue?_action=release&mapping=m')
    assert.equal((pause as JsonObject).cause, 'brake')
    await stage.drained()
    assert.deepEqual([await count(stage), (await stage.targets()).late], [3, 'x'])
  })

  it('is engaged once by deletions at the same time', async () => {
    const repository = await tempRepository()
    const log = memoryLog()
    const brake = new DeletionBrake({ events: repository.events(), links: repository.links(), log })
    const mapping = { name: 'm', enableLinking: true, maxDeletesPerHour: { count: 0 } } as unknown as Mapping
    await Promise.allSettled(Array.from({ length: 4 }, () => brake.admit(mapping)))
    assert.equal(log.messages('error').length, 1)
  })

  it('holds after a restart', async () => {
    const stage = await stageWith(2, { maxDeletesPerHour: 0 })
    await stage.remove('u0')
    await until(async () => (await stage.queue()).condition === 'paused')
    await stage.gateway.gateway.stop()
    await withGateway(stage.gateway.project.dir, async (call) => {
      const queues = (await call('/sync/queue')).json as { queues: JsonObject[] }
      assert.deepEqual(
        queues.queues.map(({ condition, waiting }) => [condition, waiting]),
        [['paused', 1]],
      )
    })
    assert.equal(await count(stage), 2)
  })

  it('by default allows no more than half of a few targets', async () => {
    const stage = await stageWith(8, {})
    for (let index = 0; index < 6; index++) await stage.remove(`u${index}`)
    await until(async () => {
      const { condition, waiting } = await stage.queue()
      return condition === 'paused' && waiting === 2
    })
    assert.equal(await count(stage), 4)
  })

  it('does not count a deletion that fails', async () => {
    const stage = await stageWith(3, { maxDeletesPerHour: 1 })
    let refused = 0
    stage.us.interfere = ({ method }) => {
      if (method !== 'DELETE' || refused === 3) return undefined
      refused += 1
      return 409
    }
    await stage.remove('u0')
    await stage.drained()
    assert.deepEqual([refused, await count(stage), (await stage.queue()).deletions], [3, 2, 1])
  })

  it('stops deletions of a mapping without queue, each with a message', async () => {
    const stage = await QueueStage.start({ mapping: { queuedSync: null, maxDeletesPerHour: 1 } })
    for (const id of ['a', 'b', 'c']) await stage.put(id, 'x')
    await stage.remove('a')
    await stage.eu.connection.delete('managed/user/b', null)
    const path = `/sync?_action=notifyDelete&resourceContainer=${SOURCE}&resourceId=b`
    for (let time = 0; time < 2; time++) {
      const details = (await stage.call(path, { method: 'POST', json: {} })) as unknown as JsonObject[]
      assert.equal(details[0]?.result, 'FAILED')
      const cause = details[0]?.cause as JsonObject
      assert.equal(cause.code, 409)
      assert.match(String(cause.message), /maxDeletesPerHour \(1\) allows no more: somebody has to release the mapping/)
    }
    await stage.put('c', 'y')
    assert.deepEqual(await stage.targets(), { b: 'x', c: 'y' })
    await stage.post('/sync/queue?_action=release&mapping=m')
    await stage.post(path)
    assert.deepEqual(await stage.targets(), { c: 'y' })
  })
})

describe('a paused queue', () => {
  it('stays so, and goes on when released, while its state is still being read', async () => {
    const reads: ((pause: Pause | null) => void)[] = []
    const events = {
      pauseOf: () => new Promise<Pause | null>((answer) => reads.push(answer)),
      setPause: async () => undefined,
      forgetDeletions: async () => undefined,
    }
    const brakeOf = () =>
      new DeletionBrake({ events: events as unknown as EventStore, links: { count: async () => 0 }, log: memoryLog() })
    const [paused, released] = [brakeOf(), brakeOf()]
    const pausing = [paused.pauseOf('m'), paused.pause('m', 'jo')] as const
    reads[1]?.(null)
    const pause = await pausing[1]
    reads[0]?.(null)
    assert.deepEqual([await pausing[0], await paused.pauseOf('m')], [pause, pause])
    const releasing = [released.pauseOf('m'), released.release('m')] as const
    reads[3]?.(pause)
    await releasing[1]
    reads[2]?.(pause)
    assert.deepEqual([await releasing[0], await released.pauseOf('m')], [null, null])
  })

  it('keeps its changes until it is released, and says who has paused it', async () => {
    const stage = await QueueStage.start()
    await stage.post('/sync/queue?_action=pause&mapping=m')
    await stage.put('a', 'x')
    const queue = await stage.queue()
    assert.deepEqual([queue.condition, queue.waiting], ['paused', 1])
    assert.match(String(queue.reason), /openidm-admin/)
    assert.deepEqual(await stage.targets(), {})
    await stage.post('/sync/queue?_action=release&mapping=m')
    await stage.drained()
    assert.deepEqual(await stage.targets(), { a: 'x' })
    await assert.rejects(stage.post('/sync/queue?_action=pause&mapping=none'), /409.*No such mapping: none/)
    const { result } = await stage.call('/audit/activity?_queryFilter=objectId+eq+"sync/queue"')
    const messages = (result as JsonObject[]).map(({ message, userId }) => `${userId}: ${message}`)
    assert.deepEqual(messages.slice(0, 2), [
      'openidm-admin: pause of the mapping m',
      'openidm-admin: release of the mapping m',
    ])
  })
})

describe('changes of a mapping that is gone', () => {
  it('are kept and shown, and carried over when it is back', async () => {
    const stage = await QueueStage.start()
    await stage.post('/sync/queue?_action=pause&mapping=m')
    await stage.put('a', 'x')
    const put = (mappings: JsonObject[]) => stage.call('/config/sync', { method: 'PUT', json: { mappings } })
    await put([])
    const gone = await until(async () => {
      const queue = await stage.queue()
      return queue.condition === 'absent' && queue
    })
    assert.equal(gone.waiting, 1)
    await stage.post('/sync/queue?_action=release&mapping=m')
    await put([queuedMapping({ mapping: { enableSync: false } })])
    await until(async () => (await stage.queue()).condition === 'disabled')
    assert.deepEqual(await stage.targets(), {})
    await put([queuedMapping({ mapping: { queuedSync: null } })])
    await until(
      async () => (await stage.queue()).waiting === undefined,
      'a mapping without queue carries out what is left',
    )
    assert.deepEqual(await stage.targets(), { a: 'x' })
  })
})
