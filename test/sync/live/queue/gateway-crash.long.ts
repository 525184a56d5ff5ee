import assert from 'node:assert/strict'
import type { JsonObject } from '../../../../lib/contract.ts'
import { delayed, type FakeIdm, fakeIdm } from '../../../helpers/fake-idm/fake-idm.ts'
import { tempDirWith } from '../../../helpers/files.ts'
import { type GatewayProcess, startGatewayProcess } from '../../../helpers/gateway-process.ts'
import { until } from '../../../helpers/until.ts'
import { instanceOf } from '../../gateways.ts'

/** Crashes and changes: CRASH_POINTS=100 CHANGES=2000 by hand. */
const POINTS = Number(process.env.CRASH_POINTS ?? 5)
const CHANGES = Number(process.env.CHANGES ?? 20 * POINTS)
const OBJECTS = 8
const SEED = 'seed'
const CALLERS = 6

/** How changes get to the target: `collection` is what is written, `target` where that has to arrive. */
const WAYS = [
  { name: 'queued', collection: 'managed/queued', target: 'managed/queued' },
  { name: 'atOnce', collection: 'managed/atOnce', target: 'managed/atOnce' },
  { name: 'captured', collection: 'external/idm/two/managed/source', target: 'managed/captured' },
] as const

type Way = (typeof WAYS)[number]

const properties = ['userName', 'v'].map((name) => ({ source: name, target: name }))
const policies = [{ situation: 'SOURCE_MISSING', action: 'DELETE' }]
const patient = { retryDelay: 20, maxRetries: -1 }

const mappingOf = ({ name, collection, target }: Way, more: JsonObject): JsonObject => ({
  ...{ name, source: collection, target: `external/idm/two/${target}`, properties, policies },
  ...{ allowEmptySourceSet: true, maxDeletesPerHour: 1_000_000, ...more },
})

const MAPPINGS = [
  mappingOf(WAYS[0], {
    properties: [{ source: '_id', target: '_id' }, ...properties],
    queuedSync: { enabled: true, ...patient },
  }),
  mappingOf(WAYS[1], {}),
  mappingOf(WAYS[2], { captureChanges: true, queuedSync: { enabled: false, ...patient } }),
]

/** The gateway, killed and started again. */
class Mortal {
  readonly #dir: string
  #current: Promise<GatewayProcess> = Promise.reject(new Error('not started'))
  outputs = ''

  constructor(dir: string) {
    this.#dir = dir
    this.#current.catch(() => undefined)
  }

  start(): Promise<GatewayProcess> {
    const env = { LOG_LEVEL: 'error' }
    this.#current = startGatewayProcess({}, { project: this.#dir, env })
    return this.#current
  }

  async kill(): Promise<void> {
    const { process } = await this.#current
    await process.kill('SIGKILL')
    this.outputs += process.stderr
  }

  get running(): Promise<GatewayProcess> {
    return this.#current
  }

  /** Sends a request until a gateway acknowledges it. */
  async acknowledge(path: string, options: { method: string; json?: JsonObject }): Promise<void> {
    for (;;) {
      const gateway = await this.#current
      const answer = await gateway.call(path, options).catch(() => undefined)
      if (answer && (answer.status < 300 || (options.method === 'DELETE' && answer.status === 404))) return
      if (answer && answer.status !== 503) throw new Error(`${path}: ${answer.status} ${answer.text}`)
      await new Promise((next) => setTimeout(next, 5))
    }
  }
}

const projectOf = (target: FakeIdm, mappings: readonly JsonObject[]): Promise<string> =>
  tempDirWith({
    'conf/external.idm-two.json': instanceOf(target),
    'conf/managed.json': { objects: WAYS.slice(0, 2).map(({ name }) => ({ name, schema: { properties: {} } })) },
    'conf/gateway.json': { live: true },
    'conf/sync.json': { mappings },
  })

/** Objects of one way with the value that was last acknowledged; null = it is not there. */
type States = Map<string, number | null>

describe('SIGKILL of a gateway under a stream of changes', function () {
  this.timeout(120_000 + POINTS * 30_000)

  it(`every last acknowledged state arrives, in order, after ${POINTS} crashes in ${CHANGES} changes`, async () => {
    const target = await fakeIdm({ collections: ['managed/source', ...WAYS.map((way) => way.target)] })
    // So that crashes find requests under way.
    target.intercept(({ isWrite }) => isWrite && Math.random() < 0.5, delayed(4))
    const dir = await projectOf(target, MAPPINGS)
    const gateway = new Mortal(dir)
    const states = new Map<Way, States>(WAYS.map((way) => [way, new Map()]))
    let [begun, acknowledged] = [0, 0]
    /** Of each object one change after the other. */
    const caller = async (number: number): Promise<void> => {
      while (begun < CHANGES) {
        const value = begun++
        const way = WAYS[value % WAYS.length] ?? WAYS[0]
        const id = `o${number}-${Math.floor(Math.random() * OBJECTS)}`
        const own = states.get(way)
        const path = `${way.collection}/${id}`
        if (typeof own?.get(id) === 'number' && Math.random() < 0.15) {
          await gateway.acknowledge(path, { method: 'DELETE' })
          own.set(id, null)
        } else {
          await gateway.acknowledge(path, { method: 'PUT', json: { userName: `${way.name} ${id}`, v: value } })
          own?.set(id, value)
        }
        acknowledged += 1
      }
    }
    await gateway.start()
    // Of the first object of all, nothing tells after a crash whether the target keeps its id.
    for (const { collection, target: place } of WAYS) {
      await gateway.acknowledge(`${collection}/${SEED}`, { method: 'PUT', json: { userName: SEED, v: 0 } })
      await until(() => target.objects(place).length === 1, 'the first object is there')
    }
    const work = Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)))
    for (let point = 1; point <= POINTS; point++) {
      const stop = Math.floor(((point - Math.random()) * CHANGES) / POINTS)
      await Promise.race([until(() => acknowledged >= stop, `change ${stop}`, { timeoutMs: 120_000 }), work])
      await new Promise((next) => setTimeout(next, Math.random() * 20))
      await gateway.kill()
      await gateway.start()
    }
    await work
    for (const [way, own] of states)
      await until(() => assert.deepEqual(shown(target, way), expected(own, way)) ?? true, `${way.name} has arrived`)
    for (const way of WAYS) assertInOrder(target, way)
    // What was carried over before the last crash may be looked at once more.
    const queues = await until(async () => {
      const { json } = await (await gateway.running).call('sync/queue')
      const { queues } = json as { queues: { mapping: string; waiting: number; dead: number }[] }
      for (const { mapping, waiting, dead } of queues) assert.deepEqual([mapping, waiting, dead], [mapping, 0, 0])
      return queues
    }, 'nothing waits')
    // A mapping without a queue is there when it has deleted lately.
    const names = queues.map(({ mapping }) => mapping)
    assert.ok(names.includes('captured') && names.includes('queued'), names.join())
    assert.equal(gateway.outputs, '')
  })

  it('between the answer to a creation and its link: it is a dead letter where the target chooses the ids', async () => {
    const target = await fakeIdm({ collections: ['managed/queued'], clientIds: 403 })
    const way = WAYS[0]
    const dir = await projectOf(target, [mappingOf(way, { queuedSync: { enabled: true, ...patient } })])
    const gateway = new Mortal(dir)
    await gateway.start()
    const { promise: created, resolve: tell } = Promise.withResolvers<void>()
    target.intercept(
      ({ method }) => method === 'POST',
      async (_, next) => {
        await next()
        tell()
        return new Promise(() => undefined)
      },
      { times: 1 },
    )
    await gateway.acknowledge(`${way.collection}/a`, { method: 'PUT', json: { userName: 'a', v: 1 } })
    await created
    await gateway.kill()
    const second = await gateway.start()
    const letters = await until(async () => {
      const { json } = await second.call(`repo/synchronisation/deadLetterQueue/${way.name}?_queryFilter=true`)
      const { result } = json as { result: JsonObject[] }
      return result.length > 0 && result
    }, 'a dead letter is there')
    assert.match(String((letters[0]?.failureCause as JsonObject | undefined)?.message), /it is not repeated/)
    assert.equal(target.objects(way.target).length, 1)
  })
})

/** The values of each object that the target was sent never go back. */
function assertInOrder(target: FakeIdm, way: Way): void {
  const last = new Map<string, number>()
  for (const { path, body } of target.writes.filter((request) => request.path.startsWith(`${way.target}/`))) {
    const value = Array.isArray(body)
      ? body.flatMap((operation) =>
          (operation as JsonObject).field === '/v' ? [(operation as JsonObject).value] : [],
        )[0]
      : (body as JsonObject | undefined)?.v
    if (typeof value !== 'number') continue
    assert.ok(value >= (last.get(path) ?? -1), `${path}: ${value} after ${last.get(path)}`)
    last.set(path, value)
  }
}

const expected = (own: States, { name }: Way) =>
  [...own].flatMap(([id, v]) => (v === null ? [] : [[`${name} ${id}`, v] as const])).sort(byName)

const shown = (target: FakeIdm, way: Way) =>
  target
    .objects(way.target)
    .filter(({ userName }) => userName !== SEED)
    .map(({ userName, v }) => [String(userName), v] as const)
    .sort(byName)

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : Number(one > other)
