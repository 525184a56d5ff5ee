import assert from 'node:assert/strict'
import { channelName } from '../../../lib/repo/postgres/channel.ts'
import { PostgresDatabase } from '../../../lib/repo/postgres/database.ts'
import { LEADER_CHANGED } from '../../../lib/repo/postgres/lease-table.ts'
import { migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { NodeTable } from '../../../lib/repo/postgres/node-table.ts'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import type { NewEvent } from '../../../lib/repo/queue/event.ts'
import { run } from '../../../lib/repo/sql/statements/work.ts'
import type { SyncDetail } from '../../../lib/sync/live/change.ts'
import { Claim } from '../../../lib/sync/live/claims.ts'
import { held } from '../../helpers/behaviours.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basicOf } from '../../proxy/mounted.ts'
import { silent } from '../../repo/repositories.ts'
import { CAPTURING, REFUSED } from '../../sync/live/capture-stage.ts'
import { clusterStage } from './cluster-stage.ts'
import { postgresRepository, tempSchema } from './server.ts'

const PATH = 'external/idm/eu/managed/user'
const MAPPING = { ...CAPTURING, target: 'external/idm/us/managed/user' }
const EVENT: NewEvent = {
  ...{ mapping: 'm', collection: 'managed/user', resourceId: 'u', action: 'update', objectRev: null, chain: [] },
  ...{ oldObject: null, newObject: null, transactionId: null, userId: null },
}

/** A new leader sees for itself for a while that a node is gone. */
const TAKEOVER_MS = 30_000

describe('what processes on one PostgreSQL leave when they end', () => {
  const MEMBER = { gateway: 'g', name: 'n' }

  it('is left by those that were not seen for half a minute, while whoever looks was seen itself', async () => {
    const place = await tempSchema()
    await migratePostgres(place)
    const db = new PostgresDatabase({ ...place, maxWaitMs: 5000, onLost: () => undefined })
    onCleanUp(() => db.close())
    let now = 1000
    const [own, other] = [new NodeTable(db, 'own', () => now), new NodeTable(db, 'other')]
    const ended = () => own.ended(['own', 'other', 'gone'])
    const id = await own.join(MEMBER)
    const otherId = await other.join({ gateway: 'h', name: 'o' })
    const pass = async (ms: number) => {
      now += ms
      await own.beat(id, MEMBER, {})
    }
    assert.deepEqual(await ended(), [])
    await pass(10_000)
    assert.deepEqual(await ended(), [])
    await pass(10_000)
    assert.deepEqual(await ended(), ['gone'])
    const age = (interval: string) =>
      db.write(() => run(`update node set seen = clock_timestamp() - interval '${interval}' where process = 'other'`))
    await age('29 seconds')
    assert.deepEqual(await ended(), ['gone'])
    await age('31 seconds')
    assert.deepEqual(await ended(), ['other', 'gone'])
    // The server was away, for the other one as well.
    now += 16_000
    assert.deepEqual(await ended(), [])
    await pass(0)
    await pass(10_000)
    assert.deepEqual(await ended(), [])
    await other.beat(otherId, { gateway: 'h', name: 'o' }, {})
    await pass(10_000)
    assert.deepEqual(await ended(), ['gone'])
  })

  it('are not the changes that live ones have claimed', async () => {
    const place = await tempSchema()
    const [leader, other] = [await postgresRepository(place), await postgresRepository(place)]
    const claim = other.events().newClaim()
    await other.events().add([{ ...EVENT, claim }])
    await other.events().add([EVENT])
    assert.equal((await leader.jobs().acquire('m', 10)).length, 1)
    assert.equal(await leader.jobs().recover(), 1)
    const [stored] = await leader.events().claims()
    assert.deepEqual([stored?.claim, stored?.process], [claim, other.cluster?.process])
  })

  it('are claims that a former leader could not end: it ends them itself', async () => {
    const place = await tempSchema()
    const [former, next] = [await postgresRepository(place), await postgresRepository(place)]
    const lease = { value: 10_000 }
    const epoch = (await former.cluster?.lease.take({ node: 'n', member: 'm' })) ?? 0
    const fence = { epoch, assertHeld: () => undefined, remaining: () => lease.value }
    const events = former.fenced(fence).events()
    const claims = [events.newClaim(), events.newClaim()]
    await events.add(claims.map((claim, index) => ({ ...EVENT, claim, resourceId: `u${index}` })))
    assert.equal(events.isDeposed, false)
    await former.cluster?.lease.release(epoch)
    await next.cluster?.lease.take({ node: 'n', member: 'm' })
    lease.value = 0
    await assert.rejects(events.add([EVENT]), { code: 503 })
    const [done, failed] = claims.map((claim, index) => {
      const place = { mapping: 'm', action: 'update', claim, resourceId: `u${index}` } as const
      return new Claim(place, { events, log: silent })
    })
    await done?.end([])
    await failed?.end([{ result: 'FAILED', linkQualifier: 'default' } as SyncDetail])
    assert.deepEqual(await next.events().claims(), [])
    const waiting = await next.events().page({}, null, 10)
    assert.deepEqual(
      waiting.map(({ resourceId }) => resourceId),
      ['u1'],
    )
  })
})

describe('captured requests of several gateways on one PostgreSQL', () => {
  it('are taken over from a gateway that has ended, and from none that runs', async () => {
    const hold = held(REFUSED)
    const eu = basicOf(await startRemote({ behaviour: hold }))
    const stage = await clusterStage()
    const conf = { 'external.idm-eu.json': eu, 'external.idm-us.json': eu, 'sync.json': { mappings: [MAPPING] } }
    const options = { conf, env: { LOG_LEVEL: 'info' } }
    const first = await stage.start(options)
    const admin = createClient(stage.place)
    await admin.connect()
    onCleanUp(() => admin.end())
    const count = async (table: string) => {
      const { rows } = await admin.query<{ count: number }>(`select count(*)::int as count from ${table}`)
      return rows[0]?.count
    }
    const put = { method: 'PUT', json: { sn: 'x' } }
    const calls = Promise.allSettled([first.call(`${PATH}/u1`, put), first.call(PATH, { ...put, method: 'POST' })])
    await until(() => hold.waiting === 2, 'both were sent')
    const second = await stage.start(options)
    const counts = async () => [await count('capture_intent'), await count('sync_event'), await count('sweep_need')]
    assert.deepEqual(await counts(), [2, 0, 0])
    // Its lease is over, as often as it takes it again.
    const depose = `update leader set epoch = epoch + 1, process = '', node = '', until = to_timestamp(0) where node = 'node1'`
    await until(async () => {
      if (((await admin.query(depose)).rowCount ?? 0) > 0)
        await admin.query(`select pg_notify($1, '${LEADER_CHANGED}')`, [channelName(stage.place.schema)])
      return count(`leader where serves = 1 and node = 'node1.2'`)
    }, 'the second one leads')
    assert.deepEqual(await counts(), [2, 0, 0])
    await first.process.kill('SIGKILL')
    await calls
    // Nobody waits for a test.
    await admin.query(`update node set seen = to_timestamp(0) where id = 'node1'`)
    await until(async () => (await count('capture_intent')) === 0, 'they are taken over', { timeoutMs: TAKEOVER_MS })
    await until(() => second.process.output.includes('2 may have changed objects'), 'it says so')
    assert.equal(await count('sweep_need'), 1)
  })
})
