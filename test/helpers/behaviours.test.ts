import assert from 'node:assert/strict'
import {
  byHand,
  byPath,
  closing,
  echo,
  guarded,
  held,
  inTurn,
  noContent,
  notModified,
  redirect,
  reply,
  stream,
  times,
  unauthorized,
} from './behaviours.ts'
import { request } from './http.ts'
import { patternSha256 } from './pattern.ts'
import { type Remote, startRemote } from './remote.ts'
import { until } from './until.ts'

describe('behaviours', () => {
  let remote: Remote
  const statuses = async (count: number): Promise<number[]> => {
    const seen: number[] = []
    while (seen.length < count) seen.push((await request(remote.url)).status)
    return seen
  }

  beforeEach(async () => {
    remote = await startRemote()
  })

  it('echoes', async () => {
    const { json } = await request(`${remote.url}x`, { method: 'DELETE', headers: { a: '1' }, body: 'four' })
    const { headers, ...rest } = json as { headers: Record<string, string> }
    assert.deepEqual(rest, { method: 'DELETE', url: '/openidm/x', bodyLength: 4 })
    assert.equal(headers.a, '1')
  })

  it('replies', async () => {
    remote.answer(reply({ status: 409, headers: { 'set-cookie': ['a=1', 'b=2'] }, body: { code: 409 } }))
    const answer = await request(remote.url)
    assert.equal(answer.status, 409)
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2'])
    assert.deepEqual(answer.json, { code: 409 })
  })

  it('redirects, challenges and answers without a body', async () => {
    remote.answer(inTurn(redirect('/elsewhere'), unauthorized(), noContent(), notModified('"1"')))
    assert.equal((await request(remote.url)).headers.location, '/elsewhere')
    assert.equal((await request(remote.url)).headers['www-authenticate'], 'Basic realm="remote"')
    assert.deepEqual(await statuses(2), [204, 304])
    assert.equal((await request(remote.url)).headers.etag, '"1"')
  })

  it('fails some times, then works', async () => {
    remote.answer(times(2, unauthorized(), reply()))
    assert.deepEqual(await statuses(4), [401, 401, 200, 200])
  })

  it('chooses by path', async () => {
    remote.answer(byPath({ 'GET /openidm/': reply({ body: 'root' }) }))
    assert.equal((await request(`${remote.url}?a=b`)).text, 'root')
    assert.equal((await request(`${remote.url}other`)).status, 404)
  })

  it('guards', async () => {
    remote.answer(guarded(async (authorization) => authorization === 'Bearer good', echo()))
    assert.equal((await request(remote.url)).status, 401)
    assert.equal((await request(remote.url, { headers: { authorization: 'Bearer good' } })).status, 200)
  })

  it('holds until released', async () => {
    const gate = held(reply({ body: 'late' }))
    remote.answer(gate)
    const both = Promise.all([request(remote.url), request(remote.url)])
    await until(() => gate.waiting === 2)
    assert.equal(
      remote.requests.some(({ answered }) => answered),
      false,
    )
    gate.release()
    assert.deepEqual(
      (await both).map(({ text }) => text),
      ['late', 'late'],
    )
    assert.equal(gate.waiting, 0)
  })

  it('leaves the answer to the test', async () => {
    const hand = byHand()
    remote.answer(hand)
    const answer = request(remote.url)
    const { response } = await hand.next()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end('data: 1\n\n')
    assert.equal((await answer).text, 'data: 1\n\n')
  })

  it('streams, declared or chunked', async () => {
    const source = stream({ bytes: 200_000 })
    remote.answer(inTurn(source, stream({ bytes: 10, declared: true })))
    const chunked = await request(remote.url)
    assert.equal(chunked.headers['transfer-encoding'], 'chunked')
    assert.equal(chunked.body.length, 200_000)
    assert.equal(source.sent, 200_000)
    assert.equal((await request(remote.url)).headers['content-length'], '10')
    assert.equal(patternSha256(0), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  it('closes behind the answer', async () => {
    remote.answer(closing(echo()))
    assert.equal((await request(remote.url, { headers: { connection: 'keep-alive' } })).headers.connection, 'close')
  })
})
