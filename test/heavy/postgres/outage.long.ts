import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Repository } from '../../../lib/repo/repository.ts'
import { newRow } from '../../../lib/repo/runs/run-row.ts'
import { onCleanUp, ownedBySuite } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { queryOf } from '../../repo/queries.ts'
import { type PostgresServer, postgresRepository, startServer } from './server.ts'

/** Ends all connections to the server but our own, as a crash or a fail-over does. */
async function endConnections(url: string): Promise<void> {
  const { Client } = (await import('pg')).default
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where pid <> pg_backend_pid() and backend_type = 'client backend'`)
  await client.end()
}

/** A way to the server that can lose a commit, or the answer to it. */
async function commitThief(url: string) {
  const port = Number(new URL(url).port)
  const thief: { steals: 'commit' | 'answer' | undefined; stolen: number; url: string } = {
    steals: undefined,
    stolen: 0,
    url,
  }
  const way = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    let isAnswerLost = false
    const end = () => {
      client.destroy()
      server.destroy()
    }
    client.on('error', end).on('close', end)
    server.on('error', end).on('close', end)
    client.on('data', (data) => {
      const { steals } = thief
      if (steals && data.includes('commit\0')) {
        thief.steals = undefined
        thief.stolen += 1
        if (steals === 'commit') return end()
        isAnswerLost = true
      }
      server.write(data)
    })
    server.on('data', (data) => (isAnswerLost ? end() : client.write(data)))
  })
  await new Promise<void>((done) => way.listen(0, '127.0.0.1', done))
  onCleanUp(() => way.close())
  const through = new URL(url)
  through.port = String((way.address() as AddressInfo).port)
  thief.url = through.href
  return thief
}

const LEADER = { node: 'n', member: 'm' }
const RUN = { id: 'r', mapping: 'm', state: 'ACTIVE', isAnalysis: false, persists: false, content: {} }

describe('a repository whose server goes away', () => {
  ownedBySuite()
  let server: PostgresServer
  let repository: Repository
  let schemas = 0

  before(async () => {
    server = await startServer(onCleanUp)
  })

  const open = async (maxLockWaitMs: number) => {
    schemas += 1
    repository = await postgresRepository({ url: server.url, schema: `s${schemas}`, maxLockWaitMs })
    return repository.store('managed/user', { unique: ['userName'] })
  }

  it('answers 503 meanwhile, says so, and goes on when it is back', async () => {
    const store = await open(300)
    await store.insert('before', { userName: 'before' })
    await server.stop()
    for (const call of [
      store.get('before'),
      store.insert('lost', { userName: 'lost' }),
      repository.events().queues(),
      repository.runs().all(),
    ])
      await assert.rejects(call, { code: 503, message: 'The database cannot be reached', retryAfterMs: 1000 })
    await until(() => repository.fault)
    assert.match(
      repository.fault ?? '',
      /^The database postgresql:\/\/127\.0\.0\.1:\d+\/postgres \(schema s1\) cannot be reached$/,
    )
    await server.start()
    await until(() => repository.fault === undefined)
    assert.equal((await store.get('before')).content.userName, 'before')
    assert.equal(await store.find('lost'), undefined)
    await store.insert('after', { userName: 'after' })
  })

  it('is waited for by the leader as long as it leads', async () => {
    await open(50)
    const lease = { value: 30_000 }
    const fence = { epoch: (await repository.cluster?.lease.take(LEADER)) ?? 0, assertHeld: () => undefined }
    const runs = repository.fenced({ ...fence, remaining: () => lease.value }).runs()
    const number = await runs.insert(RUN)
    await server.stop()
    const written = runs.update(number, 'SUCCESS', {})
    const read = runs.find('r')
    await assert.rejects(repository.runs().all(), { code: 503 })
    await server.start()
    await written
    assert.equal((await read)?.id, 'r')
    await server.stop()
    const late = Promise.all(
      [runs.update(number, 'FAILED', {}), runs.all()].map((call) => assert.rejects(call, { code: 503 })),
    )
    await assert.rejects(repository.runs().all(), { code: 503 })
    lease.value = 0
    await late
    await server.start()
    assert.equal((await runs.find('r'))?.state, 'SUCCESS')
  })

  it('is waited for while it restarts: nothing fails, and nothing is done twice', async () => {
    const store = await open(20_000)
    await store.insert('counter', { count: 0 })
    let acknowledged = 0
    const isOver = { value: false }
    const writer = async (name: number) => {
      for (let index = 0; !isOver.value; index++) {
        await store.insert(`w${name}-${index}`, { userName: `u${name}-${index}` })
        acknowledged += 1
      }
    }
    const writers = [1, 2, 3, 4].map(writer)
    await until(() => acknowledged > 50)
    for (const disturb of [() => endConnections(server.url), () => server.stop().then(() => server.start())]) {
      await disturb()
      const before = acknowledged
      await until(() => acknowledged > before + 50)
    }
    isOver.value = true
    await Promise.all(writers)
    const { result } = await store.query(queryOf())
    assert.equal(result.length, acknowledged + 1)
  })

  for (const steals of ['commit', 'answer'] as const)
    it(`stores a change once although the ${steals} was lost`, async () => {
      const thief = await commitThief(server.url)
      schemas += 1
      const place = { url: thief.url, schema: `s${schemas}` }
      const store = await (await postgresRepository({ ...place, maxLockWaitMs: 10_000 })).store('managed/user')
      await store.insert('counter', { count: 0 })
      thief.steals = steals
      const { revision } = await store.replace('counter', null, { count: 1 })
      assert.equal(thief.stolen, 1)
      thief.steals = steals
      await store.insert('new', {})
      assert.equal(thief.stolen, 2)
      assert.equal((await store.get('counter')).revision, revision)
      assert.equal((await store.query(queryOf())).result.length, 2)
    })

  it('tells a run that what it had read is gone, when the server has crashed', async () => {
    await open(5000)
    const runs = repository.runs()
    const run = { id: 'r', mapping: 'm', state: 'ACTIVE', isAnalysis: false, persists: false, content: {} }
    const number = await runs.insert(run)
    const [snapshot, rows] = [runs.snapshot(number), runs.rows(number)]
    await snapshot.add([{ key: 't', isFull: true, isPlanned: false, object: { _id: 't' } }])
    await rows.add([newRow({ phase: 'source', qualifier: 'default', sourceId: 's', source: { _id: 's' } })], false)
    // A clean restart keeps it.
    await server.stop()
    await server.start()
    assert.equal((await snapshot.byKeys(['t'])).size, 1)
    assert.equal((await rows.waiting(0, 10)).length, 1)
    await server.crash()
    // The server takes a moment to end the connections.
    await until(() =>
      snapshot.byKeys(['t']).then(
        () => false,
        () => true,
      ),
    )
    const lost = { code: 503, message: /has crashed and lost what this reconciliation had read/ }
    await assert.rejects(snapshot.byKeys(['t']), lost)
    await assert.rejects(snapshot.untouched(0, 10), lost)
    await assert.rejects(rows.waiting(0, 10), lost)
    assert.equal((await runs.all()).length, 1)
  })
})
