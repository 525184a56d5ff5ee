import assert from 'node:assert/strict'
import { type Behaviour, echo, inTurn, reply, stream } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import {
  cutShort,
  garbage,
  rawAnswer,
  resetAfterHeaders,
  resetBeforeHeaders,
  resetMidBody,
  silence,
} from '../helpers/faults.ts'
import { until } from '../helpers/until.ts'
import { basicOf, startTlsRemote } from '../proxy/mounted.ts'
import { startApp } from '../security/app.ts'
import { type Accident, assertNothingLeft, type Fault, leavesNothing, REMOTE, testFaults, toldBy } from './fault.ts'

const SOON = { socketTimeout: '150 ms' }

/** A remote that answers badly until it is healed. */
const answers = (behaviour: () => Behaviour) => async (): Promise<Accident> => {
  const remote = await startTlsRemote({ behaviour: behaviour() })
  return { content: basicOf(remote, SOON), heal: () => remote.answer(echo()), servers: () => [remote] }
}

/** Sends `head`, and then one byte after the other without an end: bytes move, but nothing comes of it. */
const trickle =
  (head: string): Behaviour =>
  async ({ request, response }) => {
    await request.received
    const { socket } = response
    socket?.write(head)
    const timer = setInterval(() => socket?.write('x'), 20)
    const stop = () => clearInterval(timer)
    socket?.on('close', stop)
    onCleanUp(stop)
  }

const HALF: Behaviour = ({ response }) => response.writeHead(200, { 'content-length': 10 }).write('half')
const NOT_COMPLETE = `${REMOTE}it closed the connection before the response was complete`
const NO_HTTP = `${REMOTE}what it sent is no HTTP response`

const FAULTS: readonly Fault[] = [
  {
    title: 'accepts and never answers',
    status: 504,
    message: `${REMOTE}it did not begin to answer in time`,
    arrange: answers(silence),
  },
  {
    title: 'headers trickle without an end',
    status: 504,
    message: `${REMOTE}it did not begin to answer in time`,
    arrange: answers(() => trickle('HTTP/1.1 200 OK\r\nx-filler: ')),
  },
  {
    title: 'interim answers without a final one',
    status: 504,
    message: `${REMOTE}it did not begin to answer in time`,
    arrange: answers(() => rawAnswer('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n', { open: true })),
  },
  {
    title: 'the body stalls',
    status: 'cut',
    message: `${REMOTE}it stopped sending in the middle of the exchange`,
    arrange: answers(() => HALF),
  },
  {
    title: 'a reset before the headers',
    status: 502,
    message: NOT_COMPLETE,
    arrange: answers(resetBeforeHeaders),
  },
  {
    title: 'a reset behind the headers',
    status: 'cut',
    message: NOT_COMPLETE,
    arrange: answers(resetAfterHeaders),
  },
  {
    title: 'a reset in the middle of the body',
    status: 'cut',
    message: NOT_COMPLETE,
    arrange: answers(resetMidBody),
  },
  {
    title: 'a body shorter than its Content-Length',
    status: 'cut',
    message: NOT_COMPLETE,
    arrange: answers(cutShort),
  },
  {
    title: 'a chunked body without its last chunk',
    status: 'cut',
    message: NOT_COMPLETE,
    arrange: answers(() => rawAnswer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')),
  },
  {
    title: 'two different Content-Lengths',
    status: 502,
    message: NO_HTTP,
    arrange: answers(() => rawAnswer('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab')),
  },
  {
    title: 'garbage instead of HTTP',
    status: 502,
    message: NO_HTTP,
    arrange: answers(garbage),
  },
  {
    title: 'headers larger than the gateway reads',
    status: 502,
    message: `${REMOTE}the headers of its response are too large`,
    arrange: answers(() => rawAnswer(`HTTP/1.1 200 OK\r\n${'x-filler: 0123456789\r\n'.repeat(5000)}\r\n`)),
  },
]

describe('faults while answering', () => {
  leavesNothing()
  testFaults(FAULTS)
})

describe('oddities of an answer that callers do not see', () => {
  leavesNothing()
  /** A good answer behind what `before` writes, and `behind` behind it, in one go. */
  const odd =
    (before: string, behind: string): Behaviour =>
    async ({ request, response }) => {
      await request.received
      const { socket } = response
      socket?.cork()
      socket?.write(before)
      response.writeHead(200, { 'content-length': 2 }).end('ok')
      socket?.write(behind)
      socket?.uncork()
    }
  const ODD: readonly [title: string, behaviour: Behaviour][] = [
    ['interim answers before the final one', odd('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(50), '')],
    ['a 100 that nobody asked for', odd('HTTP/1.1 100 Continue\r\n\r\n', '')],
    ['a second answer behind the first', odd('', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')],
  ]
  for (const [title, behaviour] of ODD) {
    for (const method of ['GET', 'POST']) {
      it(`${title} (${method})`, async () => {
        const remote = await startTlsRemote({ behaviour: inTurn(behaviour, echo()) })
        const app = await startApp({ eu: basicOf(remote, SOON) })
        const { status, text } = await app.call('eu/x', { method, ...(method === 'GET' ? {} : { json: {} }) })
        assert.deepEqual([status, text], [200, 'ok'])
        const { json } = await app.call('eu/next', { method: 'POST', json: {} })
        assert.equal((json as { url: string }).url, '/openidm/next', 'the next caller gets its own answer')
        assert.deepEqual(toldBy(app), [])
        await assertNothingLeft(app, [remote])
      })
    }
  }

  it('a second answer that comes while the connection rests', async () => {
    const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
    const remote = await startTlsRemote()
    const app = await startApp({ eu: basicOf(remote) })
    for (let n = 0; n < 5; n++) {
      remote.answer(async (exchange) => {
        await echo()(exchange)
        const { socket } = exchange.response
        setImmediate(() => socket?.write(evil))
      })
      await app.call(`eu/first${n}`)
      remote.answer(echo())
      const { json } = await app.call(`eu/next${n}`, { method: 'POST', json: {} })
      assert.equal((json as { url: string }).url, `/openidm/next${n}`)
    }
    await assertNothingLeft(app, [remote])
  })

  it('Expect: 100-continue is answered by the gateway; a remote that answers early is heard', async () => {
    const remote = await startTlsRemote({ behaviour: reply({ status: 413, body: { code: 413 }, early: true }) })
    const app = await startApp({ eu: basicOf(remote, SOON) })
    const headers = { expect: '100-continue' }
    const refused = await app.call('eu/x', { method: 'PUT', headers, body: Buffer.alloc(10) })
    assert.equal(refused.status, 413)
    assert.equal(remote.last.headers.expect, undefined)
    remote.answer(echo())
    assert.equal((await app.call('eu/x', { method: 'PUT', headers, body: Buffer.alloc(10) })).status, 200)
    await assertNothingLeft(app, [remote])
  })

  it('a body without an end goes on as long as its caller stays', async () => {
    const endless = stream({ bytes: Number.MAX_SAFE_INTEGER })
    const remote = await startTlsRemote({ behaviour: endless })
    const app = await startApp({ eu: basicOf(remote) })
    const { outgoing, answer } = app.open('eu/endless')
    const incoming = await answer
    let bytes = 0
    for await (const chunk of incoming) {
      bytes += (chunk as Buffer).length
      if (bytes > 8 * 1024 * 1024) break
    }
    outgoing.destroy()
    await until(() => remote.last.aborted, 'the remote sees that nobody listens')
    assert.ok(endless.sent - bytes < 16 * 1024 * 1024, 'it is not read ahead')
    remote.answer(echo())
    assert.equal((await app.call('eu/good')).status, 200)
    assert.deepEqual(toldBy(app), [])
    await assertNothingLeft(app, [remote])
  })

  it('429 and 503 of the remote are its own, with its Retry-After', async () => {
    const remote = await startTlsRemote()
    const app = await startApp({ eu: basicOf(remote) })
    for (const [status, retryAfter] of [
      [429, '17'],
      [503, 'Wed, 21 Oct 2065 07:28:00 GMT'],
    ] as const) {
      const body = { code: status, reason: 'Busy', message: 'come again' }
      remote.answer(reply({ status, headers: { 'retry-after': retryAfter }, body }))
      for (let n = 0; n < 20; n++) {
        const answer = await app.call('eu/x')
        assert.deepEqual([answer.status, answer.headers['retry-after'], answer.json], [status, retryAfter, body])
      }
    }
    assert.equal(remote.requests.length, 40, 'none was sent again, and none kept back')
    assert.equal(app.status('eu')?.state, 'READY')
    await assertNothingLeft(app, [remote])
  })
})
