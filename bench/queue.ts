/**
 * `npm run bench -- queue [--events N]`: events that wait for a target that is down, then are carried out: memory, disk and
 * events per second of the queue alone. The target costs nothing. With `PG_URL` on PostgreSQL, in a schema of its own.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKey, parseKeys } from '../lib/config/values/crypto/crypto.ts'
import { KeyWrapper } from '../lib/config/values/crypto/key-wrapper.ts'
import { silentLog } from '../lib/core/log.ts'
import { openRepository } from '../lib/repo/open.ts'
import type { NewEvent } from '../lib/repo/queue/event.ts'
import type { Attempt } from '../lib/sync/live/queue/decisions.ts'
import { MappingDrain } from '../lib/sync/live/queue/mapping-drain.ts'

const AT_ONCE = 500
const MB = 1024 * 1024
const DOWN: Attempt = {
  verdict: 'busy',
  cause: { code: 503, reason: 'Service Unavailable', message: 'the target is down' },
}
const SETTINGS = {
  pageSize: 100,
  pollingInterval: 1000,
  maxQueueSize: 1000,
  maxRetries: 5,
  retryDelay: 100,
  threads: 10,
}

export async function queue(count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'idm-queue-'))
  const file = join(folder, 'repo.db')
  const ring = parseKeys(generateKey('bench'), 'bench')
  const keys = new KeyWrapper({ current: () => ring, ensure: async () => ring })
  const server = await schemaOf(process.env.PG_URL)
  const repository = await openRepository({ ...(server ?? { file }), log: silentLog, keys })
  const [events, jobs] = [repository.events(), repository.jobs()]
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 20)
  const measured = async (what: string, work: () => Promise<void>): Promise<void> => {
    peak = process.memoryUsage.rss()
    const begin = performance.now()
    await work()
    const seconds = (performance.now() - begin) / 1000
    const rate = Math.round(count / seconds)
    const rss = Math.round(peak / MB)
    console.log(`  ${what.padEnd(28)} ${seconds.toFixed(1)} s, ${rate} events/s, at most ${rss} MB resident`)
  }
  let isDown = true
  let asked = 0
  const done = Promise.withResolvers<void>()
  const ended = new Map<string, number>()
  let carried = 0
  const drain = new MappingDrain({
    ...{ name: 'm', settings: SETTINGS, events, jobs, log: silentLog },
    carryOut: async (event) => {
      asked += 1
      if (isDown) return DOWN
      if (Number(event.id) < (ended.get(event.resourceId) ?? 0)) throw new Error(`${event.resourceId} is out of order`)
      ended.set(event.resourceId, Number(event.id))
      carried += 1
      if (carried === count) done.resolve()
      return { verdict: 'done', cause: undefined }
    },
    giveUp: async () => 'dead',
    isPaused: async () => false,
    count: () => undefined,
  })
  try {
    console.log(
      `\n${count} events of ${Math.ceil(count / 2)} objects for a target that is down, each with two objects of 500 B\n`,
    )
    await measured('stored, the target is down', async () => {
      for (let start = 0; start < count; start += AT_ONCE) {
        const length = Math.min(AT_ONCE, count - start)
        await events.add(Array.from({ length }, (_, index) => event(start + index)))
      }
    })
    console.log(`  ${'requests meanwhile'.padEnd(28)} ${asked}`)
    if (!server) console.log(`  ${'database'.padEnd(28)} ${Math.round((await stat(file)).size / MB)} MB`)
    isDown = false
    await measured('carried out', () => done.promise)
  } finally {
    clearInterval(watch)
    await drain.dispose()
    await repository.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A new schema on a server, which stays there. */
async function schemaOf(url: string | undefined): Promise<{ url: string; schema: string } | undefined> {
  if (url === undefined) return undefined
  const { migratePostgres } = await import('../lib/repo/postgres/migrate.ts')
  const place = { url, schema: `bench_${Date.now()}` }
  await migratePostgres(place)
  return place
}

/** Creations first, then a deletion of each: nothing can be merged. */
function event(index: number): NewEvent {
  const object = { _id: `u${Math.floor(index / 2)}`, text: 'x'.repeat(500) }
  return {
    ...{ mapping: 'm', collection: 'managed/user', resourceId: object._id, objectRev: '1', chain: [] },
    ...{ action: index % 2 === 0 ? 'create' : 'delete', oldObject: object, newObject: object },
    ...{ transactionId: 't', userId: 'u' },
  }
}
