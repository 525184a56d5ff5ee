import assert from 'node:assert/strict'
import type { ReconcileOptions } from '../../lib/contract.ts'
import { badRequest, ResourceException } from '../../lib/crest/errors.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { type Connection, connect } from '../../lib/crest/protocol/connection.ts'
import type { RequestContext, ResourceHandler } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { ForwardedChanges } from '../../lib/gateway/forwarded-changes.ts'
import { LeaderLink, type LeaderRole } from '../../lib/gateway/link/leader-link.ts'
import { Leadership, type LeadershipOptions } from '../../lib/gateway/link/leadership.ts'
import { type Candidate, LeaderRelay } from '../../lib/gateway/workers/leader-relay.ts'
import type { Change, SyncResults } from '../../lib/sync/live/change.ts'
import { LiveMappings } from '../../lib/sync/live/live-mappings.ts'
import { mappingSchema } from '../../lib/sync/mapping/mapping.ts'
import { memoryLog } from '../helpers/log.ts'
import { until } from '../helpers/until.ts'
import { tempRepository } from '../repo/repositories.ts'

/** Links through a relay, which takes messages one after the other, and the lengths of what was sent. */
class Relayed {
  readonly sent: number[] = []
  readonly relay = new LeaderRelay()

  link(): LeaderLink & { end(): void } {
    // As between processes, only JSON arrives.
    const copy = <T>(message: T): T => JSON.parse(JSON.stringify(message))
    let hasEnded = false
    const candidate: Candidate = {
      send: (message) => queueMicrotask(() => hasEnded || link.receive(copy(message))),
    }
    const link: LeaderLink = new LeaderLink((message, written) => {
      this.sent.push(JSON.stringify(message).length)
      queueMicrotask(() => {
        if (!hasEnded) this.relay.receive(candidate, copy(message))
        written?.()
      })
    })
    const end = () => {
      hasEnded = true
      this.relay.leave(candidate)
    }
    return Object.assign(link, { end })
  }
}

const ANSWERS: LeaderRole = {
  lead: () => undefined,
  deposed: () => undefined,
  led: () => undefined,
  answer: async () => '',
}

describe('LeaderLink', () => {
  function linked(answer: LeaderRole['answer']) {
    const relayed = new Relayed()
    const [leader, caller] = [relayed.link(), relayed.link()]
    leader.campaign({ ...ANSWERS, lead: () => leader.leading(), answer })
    return { relayed, caller }
  }

  it('a long answer comes in parts of limited size', async () => {
    const long = `${'ä😀"'.repeat(400_000)}end`
    const { relayed, caller } = linked(async () => long)
    assert.equal(await caller.call('x'), long)
    assert.ok(Math.max(...relayed.sent) < 600_000 && relayed.sent.length > 6)
  })

  it('a caller that leaves gets no answer, and the leader is told', async () => {
    const seen = Promise.withResolvers<AbortSignal>()
    const { caller } = linked(async (_text, signal) => {
      seen.resolve(signal)
      await until(() => signal.aborted)
      return ''
    })
    const leaving = new AbortController()
    const call = caller.call('x', leaving.signal)
    const signal = await seen.promise
    leaving.abort(new Error('gone'))
    await assert.rejects(call, /gone/)
    await until(() => signal.aborted)
    assert.throws(() => caller.call('x', leaving.signal), /gone/)
  })
})

interface Worker {
  readonly leadership: Leadership
  readonly connection: Connection
  /** Its process ends. */
  end(): void
}

/** Workers of one gateway; the first leads. Its routes are those that `start` adds. */
class Workers {
  readonly relayed = new Relayed()
  readonly log = memoryLog()
  readonly contexts: RequestContext[] = []
  readonly #start: LeadershipOptions['start']

  constructor(start: LeadershipOptions['start']) {
    this.#start = start
  }

  async add(context: RequestContext = {}): Promise<Worker> {
    const router = new ResourceRouter()
    const link = this.relayed.link()
    const { signal } = new AbortController()
    const leadership = await Leadership.join({ link, router, start: this.#start, signal, log: this.log })
    return { leadership, connection: connect(router, context), end: () => link.end() }
  }
}

/** Characters of an answer that comes in several parts. */
const LONG = 1_000_000

const carriesNothing = async (): Promise<SyncResults> => ({ success: true, action: 'notifyUpdate', syncDetails: [] })
const live = { synchronize: carriesNothing, notify: carriesNothing }
const services = { reconcile: async () => ({}), live, dispose: async () => undefined }

/** Serves `recon` with a collection, or with these methods. */
const serving =
  (handler: ResourceHandler = new MemoryCollection()): LeadershipOptions['start'] =>
  async (routes) => {
    routes.add('recon', handler)
    return services
  }

describe('Leadership', () => {
  it('every request is answered as in the leader', async () => {
    const workers = new Workers(serving())
    const [leader, follower] = [await workers.add(), await workers.add()]
    const { connection } = follower
    const created = await connection.create('recon', 'a/ä', { n: JSON.rawJSON('9007199254740993'), s: [1, null] })
    assert.equal(JSON.stringify(created.n), '9007199254740993')
    assert.deepEqual(await leader.connection.read('recon/a%2F%C3%A4'), created)
    const patch = [{ operation: 'replace', field: '/s', value: JSON.rawJSON('1e400') }]
    assert.equal(JSON.stringify((await connection.patch('recon/a%2F%C3%A4', String(created._rev), patch)).s), '1e400')
    for (const name of ['b', 'c']) await connection.create('recon', name, { name, other: 1 })
    const query = { _queryFilter: 'name pr', _sortKeys: '-name', _pageSize: 1, _fields: 'name' }
    const page = await connection.query('recon', query)
    assert.deepEqual(page, await leader.connection.query('recon', query))
    assert.deepEqual(
      page.result.map(({ name, other }) => [name, other]),
      [['c', undefined]],
    )
    const exact = { _queryFilter: 'n eq 9007199254740993' }
    assert.equal((await connection.query('recon', exact)).result.length, 1)
    assert.equal((await connection.update('recon/b', null, { name: 'd' })).name, 'd')
    await connection.delete('recon/b', null)
    assert.equal(await leader.connection.read('recon/b'), null)
    for (const { connection } of [leader, follower]) {
      await assert.rejects(connection.action('recon', 'x'), { code: 501, message: /does not support action/ })
      await assert.rejects(connection.read('recon/c', { 'Accept-API-Version': 'protocol=7.0' }), { code: 406 })
    }
  })

  it('the caller arrives as it is, without its HTTP request; an action may have no answer', async () => {
    let seen: RequestContext = {}
    const action = async (_request: unknown, context: RequestContext) => {
      seen = context
      return undefined
    }
    const workers = new Workers(serving({ action }))
    await workers.add()
    const security = { authenticationId: 'ann', authorization: { id: 'a', component: 'managed/user', roles: ['r'] } }
    const http = { method: 'POST', path: '/', headers: { secret: 'x' }, parameters: {}, remoteAddress: '' }
    const follower = await workers.add({ security, transactionId: 't-1', agent: 'command', http })
    assert.equal(await follower.connection.action('recon', 'x'), undefined)
    const { signal, ...context } = seen
    assert.deepEqual(context, { security, transactionId: 't-1', agent: 'command' })
    assert.ok(signal)
  })

  it('errors arrive with all that callers see; the leader logs their cause', async () => {
    const action = async () => {
      const cause = new Error('inner')
      throw new ResourceException(503, 'busy', {
        detail: { n: 1 },
        reason: 'Why',
        retryAfterMs: 7,
        cure: 'wait',
        cause,
      })
    }
    const read = async () => {
      throw new TypeError('a fault of ours')
    }
    const query = async () => {
      throw badRequest('yours')
    }
    const workers = new Workers(serving({ action, read, query }))
    await workers.add()
    const { connection } = await workers.add()
    await assert.rejects(connection.action('recon', 'x'), (error: ResourceException) => {
      assert.deepEqual(
        [error.code, error.message, error.detail, error.reason, error.retryAfterMs, error.cure, error.cause],
        [503, 'busy', { n: 1 }, 'Why', 7, 'wait', undefined],
      )
      return true
    })
    await assert.rejects(connection.read('recon/x'), { code: 500, message: 'Internal Server Error' })
    await assert.rejects(connection.query('recon', { _queryFilter: 'true' }), { code: 400, message: 'yours' })
    const logged = workers.log.entries.filter(({ level }) => level === 'error').map(({ details }) => details)
    assert.equal(logged.length, 2)
    assert.match(JSON.stringify(logged), /inner.*a fault of ours/)
  })

  it('code in any worker reconciles, and cancels what it has started', async () => {
    const given: unknown[] = []
    const reconcile = async (mapping: string, { signal, ...options }: ReconcileOptions = {}) => {
      signal?.throwIfAborted()
      given.push([mapping, options])
      if (mapping === 'long') await until(() => signal?.aborted)
      return { _id: mapping, state: signal?.aborted ? 'CANCELED' : 'SUCCESS' }
    }
    const workers = new Workers(async () => ({ ...services, reconcile }))
    for (const { leadership } of [await workers.add(), await workers.add()]) {
      const options = { ids: ['a,b', 'c'], dryRun: true }
      assert.deepEqual(await leadership.reconcile('m', options), { _id: 'm', state: 'SUCCESS' })
      assert.deepEqual(given.at(-1), ['m', options])
      const leaving = new AbortController()
      const run = leadership.reconcile('long', { signal: leaving.signal })
      await until(() => (given.at(-1) as unknown[])[0] === 'long')
      leaving.abort()
      assert.deepEqual(await run, { _id: 'long', state: 'CANCELED' })
      await assert.rejects(leadership.reconcile('m', { signal: AbortSignal.abort(new Error('left')) }))
    }
  })

  it('a change is carried over in the leader, with its caller and chain; without a leader it has failed', async () => {
    const given: unknown[] = []
    const synchronize = async (change: Change, context: RequestContext): Promise<SyncResults> => {
      given.push([change, context])
      return { success: true, action: 'notifyCreate', syncDetails: [] }
    }
    const workers = new Workers(async () => ({ ...services, live: { ...live, synchronize } }))
    const config = { name: 'm', source: 'managed/user', target: 'x/y' }
    const configured = [{ mapping: mappingSchema.parse(config), config }]
    const mappings = new LiveMappings({ mappings: { all: () => configured, from: () => configured } })
    const events = (await tempRepository()).events()
    const newObject = { _id: 'a', n: JSON.rawJSON('9007199254740993') } as unknown as Change['newObject']
    const change: Change = {
      ...{ collection: 'managed/user', resourceId: 'a', action: 'create' },
      oldObject: null,
      newObject,
    }
    const context = { transactionId: 't', syncChain: ['m/b'], signal: new AbortController().signal }
    const [leader, follower] = [await workers.add(), await workers.add()]
    for (const { leadership } of [leader, follower]) {
      const changes = new ForwardedChanges({
        ...{ mappings: () => mappings, events },
        live: leadership.live,
        log: workers.log,
      })
      assert.equal((await changes.synchronize(change, context)).success, true)
    }
    const [own, forwarded] = given as [Change, RequestContext][]
    assert.deepEqual(own?.[1], context)
    assert.deepEqual(forwarded?.[1], { transactionId: 't', syncChain: ['m/b'] })
    assert.equal(JSON.stringify(forwarded?.[0]), JSON.stringify(change))
    workers.relayed.relay.close()
    leader.end()
    const { leadership } = follower
    const changes = new ForwardedChanges({
      ...{ mappings: () => mappings, events },
      live: leadership.live,
      log: workers.log,
    })
    const { success, action, syncDetails } = await changes.synchronize(change, context)
    const [detail] = syncDetails
    assert.deepEqual([success, action, detail?.mapping, detail?.result], [false, 'notifyCreate', 'm', 'FAILED'])
    assert.equal(detail?.cause?.code, 503)
  })

  it('when the leader ends, the next serves, with what callers ask meanwhile', async () => {
    const started: ResourceHandler[] = []
    const workers = new Workers(async (routes) => {
      const collection = new MemoryCollection()
      started.push(collection)
      routes.add('recon', collection)
      return services
    })
    const [leader, second, third] = [await workers.add(), await workers.add(), await workers.add()]
    await third.connection.create('recon', 'a', {})
    assert.equal(started.length, 1)
    leader.end()
    assert.equal(await third.connection.read('recon/a'), null)
    assert.equal(started.length, 2)
    await second.connection.create('recon', 'b', {})
    assert.ok(await third.connection.read('recon/b'))
  })

  it('ends what it runs and answers its callers, before another leads', async () => {
    const order: string[] = []
    let count = 0
    const workers = new Workers(async (routes) => {
      const run = Promise.withResolvers<string>()
      const name = `leader ${++count}`
      order.push(`${name} starts`)
      const action = async () => {
        order.push(`${name} is asked`)
        return run.promise
      }
      routes.add('recon', { action })
      const dispose = async () => {
        order.push(`${name} ends`)
        run.resolve(name.padEnd(LONG))
      }
      return { ...services, dispose }
    })
    const [leader, follower] = [await workers.add(), await workers.add()]
    const waiting = follower.connection.action('recon', 'x')
    await until(() => order.includes('leader 1 is asked'))
    await leader.leadership.dispose()
    assert.equal(String(await waiting).trim(), 'leader 1')
    await until(() => order.length === 4)
    assert.deepEqual(order, ['leader 1 starts', 'leader 1 is asked', 'leader 1 ends', 'leader 2 starts'])
  })

  it('one that cannot lead leaves it to others; the first fails to start', async () => {
    let faults = 1
    const workers = new Workers(async (routes) => {
      if (faults-- > 0) throw new Error('the database is damaged')
      return serving()(routes)
    })
    await assert.rejects(workers.add(), /the database is damaged/)
    const [leader, second, third] = [await workers.add(), await workers.add(), await workers.add()]
    faults = 2
    leader.end()
    // Both fail once, and the second one leads when it tries again.
    assert.equal(await third.connection.read('recon/a'), null)
    assert.equal(await second.connection.read('recon/a'), null)
    assert.equal(workers.log.messages('error').filter((text) => text.includes('cannot run reconciliations')).length, 3)
  })

  it('has no route but those that the others forward', async () => {
    const workers = new Workers(async (routes) => {
      routes.add('nobody/forwards', new MemoryCollection())
      return services
    })
    await assert.rejects(workers.add(), /nobody\/forwards is not a route of the leader/)
  })
})
