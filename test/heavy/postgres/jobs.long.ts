import assert from 'node:assert/strict'
import { getRollbackPlans } from 'pg-boss'
import type { JsonObject } from '../../../lib/contract.ts'
import { Boss, JOB_LAYOUT, jobSchema } from '../../../lib/repo/postgres/boss.ts'
import { migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import { openPostgresRepository } from '../../../lib/repo/postgres/repository.ts'
import type { SharedQueue } from '../../../lib/repo/queue/shared-jobs.ts'
import { onCleanUp, ownedBySuite } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { silent } from '../../repo/repositories.ts'
import { type PostgresServer, startServer, tempSchema } from './server.ts'

const QUEUE: SharedQueue = {
  name: 'test',
  policy: 'short',
  retryLimit: 5,
  expireInSeconds: 60,
  deleteAfterSeconds: 60,
}

/** Those of a schema of its own, unless one is given. */
async function jobsOn(place: { url: string; schema: string } | undefined, log = silent): Promise<Boss> {
  const own = place ?? (await tempSchema())
  await migratePostgres(own)
  const boss = new Boss({ ...own, name: 'The repository', log })
  onCleanUp(() => boss.dispose())
  return boss
}

async function clientOf(place: { readonly url: string }) {
  const client = createClient(place)
  await client.connect()
  onCleanUp(() => client.end())
  return client
}

describe('jobs on PostgreSQL', () => {
  it('are carried out once, by one of several, soon', async () => {
    const place = await tempSchema()
    const [sender, ...workers] = [await jobsOn(place), await jobsOn(place), await jobsOn(place)]
    const done: JsonObject[] = []
    for (const worker of workers)
      worker.work(QUEUE, async (jobs) => void done.push(...jobs.map(({ data }) => data)), { batchSize: 10 })
    const send = (n: number) => sender?.send(QUEUE, { n }, { key: `key ${n}` })
    await send(0)
    await until(() => done.length === 1)
    const begin = performance.now()
    await Promise.all(Array.from({ length: 20 }, (_, index) => send(index + 1)))
    await until(() => done.length === 21)
    assert.ok(performance.now() - begin < 1000)
    assert.equal(new Set(done.map(({ n }) => n)).size, 21)
  })

  it('wait once for each key', async () => {
    const jobs = await jobsOn(undefined)
    assert.notEqual(await jobs.send(QUEUE, {}, { key: 'a' }), null)
    assert.equal(await jobs.send(QUEUE, {}, { key: 'a' }), null)
    const done: JsonObject[] = []
    const worker = jobs.work(QUEUE, async (found) => void done.push(...found.map(({ data }) => data)), { batchSize: 5 })
    await until(() => done.length > 0)
    assert.notEqual(await jobs.send(QUEUE, { isSecond: true }, { key: 'a' }), null)
    await until(() => done.length > 1)
    await worker.dispose()
    assert.deepEqual(done, [{}, { isSecond: true }])
  })

  it('that fail are carried out again, and what they failed with is in the log alone', async () => {
    const place = await tempSchema()
    const logged: unknown[] = []
    const log = { ...silent, error: (facts: object) => void logged.push(facts) }
    const jobs = await jobsOn(place, log)
    let calls = 0
    jobs.work(QUEUE, async () => {
      calls += 1
      if (calls === 1) throw new Error('bo@example.com is refused')
    })
    await jobs.send(QUEUE, {})
    await until(() => calls === 2)
    assert.match(String((logged[0] as { err: Error }).err), /bo@example\.com/)
    const client = await clientOf(place)
    const { rows } = await client.query(`select * from "${jobSchema(place.schema)}".job`)
    assert.equal(rows.length, 1)
    assert.doesNotMatch(JSON.stringify(rows), /bo@example/)
  })

  it('end before the process lets go of them', async () => {
    const jobs = await jobsOn(undefined)
    const [begun, may] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let isDone = false
    jobs.work(QUEUE, async () => {
      begun.resolve()
      await may.promise
      isDone = true
    })
    await jobs.send(QUEUE, {})
    await begun.promise
    const closed = jobs.dispose()
    may.resolve()
    await closed
    assert.ok(isDone)
    await assert.rejects(jobs.send(QUEUE, {}), /closed/)
  })

  it('have tables of their own, which only a command creates and upgrades', async () => {
    const place = await tempSchema()
    const client = await clientOf(place)
    const version = (text: string) => client.query(`update "${jobSchema(place.schema)}".version set version = ${text}`)
    const refused = (message: RegExp) => assert.rejects(openPostgresRepository({ ...place, log: silent }), message)
    assert.deepEqual((await migratePostgres(place)).hasChangedJobs, true)
    assert.deepEqual((await migratePostgres(place)).hasChangedJobs, false)
    await version(String(JOB_LAYOUT + 1))
    const newer = /its tables for jobs have version \d+, made by a newer release; this one supports up to \d+$/
    await refused(newer)
    await assert.rejects(migratePostgres(place), newer)
    await version(String(JOB_LAYOUT))
    await client.query(getRollbackPlans(`"${jobSchema(place.schema)}"`, JOB_LAYOUT))
    await refused(
      /its tables for jobs have version \d+, and this release needs \d+; upgrade them with .*repo migrate"$/,
    )
    assert.deepEqual((await migratePostgres(place)).hasChangedJobs, true)
    await (await openPostgresRepository({ ...place, log: silent })).close()
    await client.query(`drop schema "${jobSchema(place.schema)}" cascade`)
    await refused(/it has no tables for jobs yet; create them with .*repo migrate"$/)
  })

  it('are in a schema that pg-boss can name', () => {
    assert.equal(jobSchema('external_idm'), 'external_idm_jobs')
    assert.equal(jobSchema('a b'), 'a b_jobs')
    for (const name of ['a"b', "a'b", 'a%b', 'a$b', 'a.b', 'a\\b', 'a\nb', 'ä'.repeat(30)])
      assert.match(jobSchema(name), /^jobs_[0-9a-f]{1,16}$/)
  })
})

describe('jobs whose server goes away', () => {
  ownedBySuite()
  let server: PostgresServer

  before(async () => {
    server = await startServer(onCleanUp)
  })

  it('are sent and carried out when it is back; what was acknowledged is', async () => {
    const jobs = await jobsOn({ url: server.url, schema: 's' })
    const done = new Set<unknown>()
    const queue: SharedQueue = { ...QUEUE, name: 'all', policy: 'standard' }
    jobs.work(queue, async (found) => {
      for (const { data } of found) done.add(data.n)
    })
    let sent = 0
    const send = () => jobs.send(queue, { n: sent + 1 }).then(() => (sent += 1))
    await send()
    await until(() => done.size === sent)
    await server.stop()
    await assert.rejects(send(), { code: 503 })
    await server.start()
    await until(() => send().then(() => true))
    await until(() => done.has(sent))
    assert.equal(done.size, sent)
  })
})
