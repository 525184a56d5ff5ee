import assert from 'node:assert/strict'
import type { Json } from '../../lib/contract.ts'
import { ResourceException } from '../../lib/crest/errors.ts'
import type { Connection } from '../../lib/crest/protocol/connection.ts'
import { SharedBackoff } from '../../lib/sync/read/backoff.ts'
import { type Behaviour, inTurn, reply } from '../helpers/behaviours.ts'
import { resetBeforeHeaders } from '../helpers/faults.ts'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basic, COLLECTION, FILTER, startGateway } from '../remote/resource-parts.ts'

const NAME = `${COLLECTION}/a`
const OBJECT = { _id: 'a', _rev: '1' }
/** As nginx limits a rate: a page, and no word of when to come again. */
const refusal = (status: number, headers: Record<string, string> = {}): Behaviour =>
  reply({ status, headers: { 'content-type': 'text/html', ...headers }, body: '<html>slow down</html>' })
const done = reply({ body: OBJECT })

/** A remote that answers so, and records when it was asked. */
async function behind(...behaviours: readonly [Behaviour, ...Behaviour[]]) {
  const times: number[] = []
  const next = inTurn(...behaviours)
  const remote = await startRemote({
    behaviour: (exchange) => {
      times.push(performance.now())
      return next(exchange)
    },
  })
  const { connection } = await startGateway(basic(remote.url))
  return { remote, connection, times }
}

const gapsOf = (times: readonly number[]): number[] => times.slice(1).map((time, index) => time - (times[index] ?? 0))

describe('the back-off of a run', () => {
  const backoff = () => new SharedBackoff(new AbortController().signal)

  const requests: [what: string, ask: (openidm: Connection) => Promise<unknown>][] = [
    ['a query', (openidm) => openidm.query(COLLECTION, FILTER)],
    ['a read', (openidm) => openidm.read(NAME)],
    ['a create', (openidm) => openidm.create(COLLECTION, 'a', {})],
    ['an update', (openidm) => openidm.update(NAME, '1', {})],
    ['a patch', (openidm) => openidm.patch(NAME, '1', [])],
    ['a deletion', (openidm) => openidm.delete(NAME, '1')],
  ]
  for (const [what, ask] of requests)
    it(`${what} is sent again when the remote was busy and does not say for how long`, async () => {
      const answer = what === 'a query' ? reply({ body: { result: [OBJECT] } }) : done
      const { remote, connection, times } = await behind(refusal(what === 'a read' ? 503 : 429), answer)
      await backoff().run(() => ask(connection))
      assert.equal(remote.requests.length, 2)
      assert.ok((gapsOf(times)[0] ?? 0) >= 240, `${gapsOf(times)}`)
    })

  it('pauses grow while the remote stays busy', async () => {
    const { connection, times } = await behind(refusal(429), refusal(503), refusal(429), done)
    await backoff().run(() => connection.read(NAME))
    for (const [index, gap] of gapsOf(times).entries()) {
      const [least, most] = [250 * 2 ** index, 500 * 2 ** index]
      assert.ok(gap >= least - 10 && gap < most + 1000, `pause ${index + 1} took ${gap} ms`)
    }
  })

  it('is one for all workers, who come back one after the other', async () => {
    const WORKERS = 8
    const first = Array<Behaviour>(WORKERS).fill(refusal(429))
    const { connection, times } = await behind(...(first as [Behaviour]), done)
    const common = backoff()
    const ask = () => common.run(() => connection.read(NAME))
    await Promise.all(Array.from({ length: WORKERS }, ask))
    assert.equal(times.length, 2 * WORKERS)
    const again = times.slice(WORKERS)
    // One refusal of all of them is one reason to slow down: a second pause would be longer.
    assert.ok((again[0] ?? 0) - (times[0] ?? 0) >= 240)
    assert.ok((again.at(-1) ?? 0) - (again[0] ?? 0) >= 20, 'they come back all at once')
  })

  it('what the remote says of its patience counts', async () => {
    const { connection, times } = await behind(refusal(503, { 'retry-after': '1' }), done)
    const common = backoff()
    await Promise.all([common.run(() => connection.read(NAME)), common.run(() => connection.read(NAME))])
    assert.equal(times.length, 3)
    assert.ok((times[2] ?? 0) - (times[0] ?? 0) >= 990, `${gapsOf(times)}`)
  })

  const SENT_ONCE: [what: string, behaviour: Behaviour, code: number][] = [
    ['a broken connection', resetBeforeHeaders(), 502],
    ['500', refusal(500), 500],
    ['502', refusal(502), 502],
    ['504', refusal(504), 504],
  ]
  for (const [what, behaviour, code] of SENT_ONCE)
    it(`a create that ended with ${what} is not sent again: it may have been carried out`, async () => {
      const { remote, connection } = await behind(behaviour, done)
      await assert.rejects(
        backoff().run(() => connection.create(COLLECTION, 'a', {})),
        { code },
      )
      assert.equal(remote.requests.length, 1)
    })

  it('a remote that asks for more patience than a run has is not asked again', async () => {
    const { remote, connection } = await behind(refusal(429, { 'retry-after': '3600' }), done)
    const common = backoff()
    for (let n = 0; n < 3; n++)
      await assert.rejects(
        common.run(() => connection.read(NAME)),
        { code: 429 },
      )
    assert.equal(remote.requests.length, 1)
  })

  it('waiting ends when the run is cancelled', async () => {
    const { remote, connection } = await behind(refusal(429, { 'retry-after': '100' }))
    const run = new AbortController()
    const common = new SharedBackoff(run.signal)
    const waiting = [common.run(() => connection.read(NAME)), common.run(() => connection.read(NAME))]
    await until(() => remote.requests.length > 0, 'the remote is asked')
    await remote.received(1)
    setImmediate(() => run.abort())
    for (const { status } of await Promise.allSettled(waiting)) assert.equal(status, 'rejected')
    assert.ok(remote.requests.length <= 2)
  })

  it('one request is tried ten times', async () => {
    const tried: Json[] = []
    const work = async () => {
      tried.push(tried.length)
      throw new ResourceException(429, 'busy', { retryAfterMs: 1 })
    }
    await assert.rejects(backoff().run(work), { code: 429 })
    assert.equal(tried.length, 10)
  })
})
