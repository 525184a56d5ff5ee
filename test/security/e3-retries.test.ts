import assert from 'node:assert/strict'
import { type Behaviour, echo, inTurn, times } from '../helpers/behaviours.ts'
import { garbage, resetAfterHeaders, resetBeforeHeaders, resetMidBody, silence } from '../helpers/faults.ts'
import { pattern } from '../helpers/pattern.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { basicOf, bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'

/** A remote that resets the first request which reaches it, or does whatever else. */
async function startFailing(behaviour: Behaviour = inTurn(resetBeforeHeaders(), echo()), more: object = {}) {
  const remote = await startTlsRemote({ behaviour })
  return { remote, idm: await startIdm({ eu: basicOf(remote, more) }) }
}

describe('E3 only what is safe is sent again', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    it(`${method} is sent once more over a new connection`, async () => {
      const { remote, idm } = await startFailing()
      assert.equal((await idm.call('eu/x?a=b', { method })).status, 200)
      const asked = remote.requests.map((request) => [request.method, request.url, request.socket])
      assert.deepEqual(asked, [
        [method, '/openidm/x?a=b', 1],
        [method, '/openidm/x?a=b', 2],
      ])
    })
  }

  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const json of [undefined, { a: 1 }]) {
      it(`${method} ${json ? 'with' : 'without'} a body is not: who knows what it did`, async () => {
        const { remote, idm } = await startFailing()
        assert.equal((await idm.call('eu/x', { method, ...(json ? { json } : {}) })).status, 502)
        assert.equal(remote.requests.length, 1)
      })
    }
  }

  it('not even when the body of a POST was kept for a new token', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: inTurn(resetBeforeHeaders(), echo()) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens) })
    assert.equal((await idm.call('eu/x', { method: 'POST', json: { a: 1 } })).status, 502)
    assert.equal(remote.requests.length, 1)
  })

  it('a kept connection that turned out to be dead costs a GET nothing and a POST a 502', async () => {
    const { remote, idm } = await startFailing(
      inTurn(echo(), resetBeforeHeaders(), echo(), resetBeforeHeaders(), echo()),
    )
    assert.equal((await idm.call('eu/1')).status, 200)
    assert.equal((await idm.call('eu/2')).status, 200)
    assert.equal((await idm.call('eu/3', { method: 'POST', json: {} })).status, 502)
    assert.deepEqual(
      remote.requests.map(({ url, socket }) => `${url} ${socket}`),
      ['/openidm/1 1', '/openidm/2 1', '/openidm/2 2', '/openidm/3 2'],
    )
  })

  it('once, not for ever', async () => {
    const { remote, idm } = await startFailing(resetBeforeHeaders())
    assert.equal((await idm.call('eu/x')).status, 502)
    assert.equal(remote.requests.length, 2)
  })

  it('retryRequests false turns it off', async () => {
    const { remote, idm } = await startFailing(undefined, { retryRequests: false })
    assert.equal((await idm.call('eu/x')).status, 502)
    assert.equal(remote.requests.length, 1)
  })

  it('a GET whose body was streamed is gone', async () => {
    const { remote, idm } = await startFailing()
    assert.equal((await idm.call('eu/x', { body: pattern(100_000) })).status, 502)
    assert.equal(remote.requests.length, 1)
  })

  const BEGUN: [title: string, behaviour: Behaviour][] = [
    ['when the answer has begun', resetAfterHeaders()],
    ['in the middle of the body', resetMidBody(100_000)],
  ]
  for (const [title, behaviour] of BEGUN) {
    it(`never ${title}`, async () => {
      const { remote, idm } = await startFailing(times(1, behaviour, echo()))
      await assert.rejects(idm.call('eu/x'))
      assert.equal(remote.requests.length, 1)
    })
  }

  const OTHER: [title: string, behaviour: Behaviour, status: number, socketTimeout: string][] = [
    ['silence', silence(), 504, '100 ms'],
    ['something that is no HTTP', garbage(), 502, '10 s'],
  ]
  for (const [title, behaviour, status, socketTimeout] of OTHER) {
    it(`never after ${title}: it would only double the load`, async () => {
      const { remote, idm } = await startFailing(times(1, behaviour, echo()), { socketTimeout })
      assert.equal((await idm.call('eu/x')).status, status)
      assert.equal(remote.requests.length, 1)
    })
  }
})
