import assert from 'node:assert/strict'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import type { NewEvent } from '../../../lib/repo/queue/event.ts'
import { onCleanUp, ownedBySuite } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { type PostgresServer, postgresRepository, startServer, tempSchema } from './server.ts'

const event = (resourceId: string, action: NewEvent['action'] = 'create'): NewEvent => ({
  ...{ mapping: 'm', collection: 'managed/user', resourceId, action, objectRev: '1', chain: [] },
  ...{ oldObject: null, newObject: { _id: resourceId }, transactionId: null, userId: null },
})
const NEVER = 3_600_000

describe('events on PostgreSQL', () => {
  it('wake up the process that carries them out, whichever stored them', async () => {
    const place = await tempSchema()
    const [writer, carrier] = [await postgresRepository(place), await postgresRepository(place)]
    const woken: number[] = []
    const wake = () => void woken.push(performance.now())
    const subscription = carrier.jobs().subscribe('m', { pollingInterval: NEVER, wake })
    // pg-boss connects when it is first used.
    await writer.events().add([event('first')])
    await until(() => woken.length === 1)
    const begin = performance.now()
    await writer.events().add([event('second')])
    await until(() => woken.length === 2)
    assert.ok((woken[1] ?? Number.POSITIVE_INFINITY) - begin < 1000, `woken after ${woken[1]} ms`)
    await (await writer.store('managed/user')).insert('third', {}, { events: [event('third')] })
    await until(() => woken.length === 3)
    await subscription.dispose()
    assert.equal((await carrier.jobs().acquire('m', 10)).length, 3)
  })

  it('are stored and taken beside others of their mapping that somebody changes', async () => {
    const place = await tempSchema()
    const [one, other] = [await postgresRepository(place), await postgresRepository(place)]
    await one.events().add([event('x')])
    const store = await other.store('managed/user')
    // Another write of the mapping that has not ended.
    const client = createClient(place)
    await client.connect()
    onCleanUp(() => client.end())
    const { rows } = await client.query('select key from sync_event')
    await client.query('begin')
    await client.query('select 1 from sync_event where key = $1 for update', [(rows[0] as { key: number }).key])
    await store.insert('y', {}, { events: [event('y')] })
    assert.deepEqual(
      (await one.jobs().acquire('m', 10)).map(({ resourceId }) => resourceId),
      ['y'],
    )
    await client.query('rollback')
    assert.deepEqual(
      (await one.jobs().acquire('m', 10)).map(({ resourceId }) => resourceId),
      ['x'],
    )
  })
})

describe('events whose server goes away', () => {
  ownedBySuite()
  let server: PostgresServer

  before(async () => {
    server = await startServer(onCleanUp)
  })

  it('are carried out in the order of each object, and none that was acknowledged is lost', async () => {
    const place = { url: server.url, schema: 's', maxLockWaitMs: 20_000 }
    const [writer, carrier] = [await postgresRepository(place), await postgresRepository(place)]
    const [events, jobs] = [carrier.events(), carrier.jobs()]
    const objects = Array.from({ length: 8 }, (_, index) => `u${index}`)
    const carried = new Map<string, string[]>(objects.map((id) => [id, []]))
    let [written, ended, isOver] = [0, 0, false]
    const write = async (id: string) => {
      for (let n = 0; !isOver; n++) {
        // Nothing can be merged.
        await writer.events().add([{ ...event(id, n % 2 === 0 ? 'create' : 'delete'), objectRev: String(n) }])
        written += 1
      }
    }
    const carryOut = async () => {
      while (!isOver || ended < written) {
        const taken = await jobs.acquire('m', 5)
        for (const { resourceId, objectRev } of taken) carried.get(resourceId)?.push(String(objectRev))
        await events.finish(taken.map((one) => ({ event: one, result: 'done' })))
        ended += taken.length
      }
    }
    const work = Promise.all([...objects.map(write), carryOut(), carryOut()])
    await until(() => ended > 50)
    await server.stop()
    await server.start()
    const before = ended
    await until(() => ended > before + 50)
    isOver = true
    await work
    for (const [id, revisions] of carried)
      assert.deepEqual(
        revisions,
        revisions.map((_, index) => String(index)),
        `the events of ${id}`,
      )
    assert.equal([...carried.values()].flat().length, written)
    assert.deepEqual(await events.queues(), [])
  })
})
