import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type Body, type BodyOptions, bodyOf, CONSUMED, ROUNDED, reframe } from '../../lib/proxy/body.ts'
import { pattern } from '../helpers/pattern.ts'
import { incoming } from './incoming.ts'

const KEPT = 65_536
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

const prepare = async (request: IncomingMessage, more: Partial<BodyOptions> = {}): Promise<Body> =>
  bodyOf(request, { keep: true, idleMs: 0, onConsumed: () => undefined, ...more })

/** A request whose body has come in as these chunks. */
function withBody(chunks: readonly Buffer[], headers: IncomingMessage['headers'] = { 'transfer-encoding': 'chunked' }) {
  const request = incoming({ method: 'POST', headers })
  for (const chunk of chunks) request.push(chunk)
  request.push(null)
  return request
}

async function sent(body: Body): Promise<Buffer> {
  const source = body.source() ?? assert.fail('the request itself is the body')
  return buffer(source.pipe(new PassThrough()))
}

/** As after a body parser: nothing is left in the stream. */
async function consumed(members: Parameters<typeof incoming>[0], read = '{"a":1}'): Promise<IncomingMessage> {
  const request = incoming({ method: 'POST', ...members })
  request.push(read)
  request.push(null)
  await buffer(request)
  return request
}

describe('bodyOf', () => {
  it('no body can be sent as often as one likes', async () => {
    const body = await prepare(incoming())
    assert.equal(body.replayable, true)
    for (const _ of [1, 2]) assert.equal((await sent(body)).length, 0)
  })

  it('a body is streamed, unread, where it need not be kept', async () => {
    const request = withBody([pattern(10)])
    const body = await prepare(request, { keep: false })
    assert.deepEqual([body.replayable, body.source() === request, request.readableDidRead], [false, true, false])
  })

  it('nor is one read that says to be too long to be kept', async () => {
    const request = withBody([pattern(10)], { 'content-length': `${KEPT + 1}` })
    const body = await prepare(request)
    assert.deepEqual([body.replayable, body.source() === request, request.readableDidRead], [false, true, false])
  })

  const LENGTHS: [title: string, chunks: number[]][] = [
    ['one byte', [1]],
    ['64 KB at once', [KEPT]],
    ['64 KB in pieces', [1, KEPT - 2, 1]],
    ['nothing in chunks', []],
  ]
  for (const [title, sizes] of LENGTHS) {
    it(`is kept, and can be sent twice: ${title}`, async () => {
      const chunks = sizes.map(pattern)
      const body = await prepare(withBody(chunks))
      const bytes = Buffer.concat(chunks)
      assert.deepEqual([body.replayable, body.length], [true, bytes.length])
      for (const _ of [1, 2]) assert.ok((await sent(body)).equals(bytes))
    })
  }

  for (const sizes of [[KEPT + 1], [KEPT, 1], [KEPT, 1, 100_000]]) {
    it(`goes on as a stream when it turns out to be longer: ${sizes.join(' + ')}`, async () => {
      const chunks = sizes.map(pattern)
      const body = await prepare(withBody(chunks))
      assert.deepEqual([body.replayable, body.length], [false, undefined])
      assert.ok((await sent(body)).equals(Buffer.concat(chunks)))
    })
  }

  it('a caller that sends nothing is told 408', async () => {
    const request = incoming({ method: 'POST', headers: { 'content-length': '5' } })
    request.push('ab')
    const message = 'The request body did not arrive in time'
    await assert.rejects(prepare(request, { idleMs: 20 }), { code: 408, message })
  })

  it('a caller that leaves ends the wait', async () => {
    const request = incoming({ method: 'POST', headers: { 'content-length': '5' } })
    const waiting = prepare(request)
    request.destroy()
    await assert.rejects(waiting, { message: 'the caller left before the request was complete' })
  })

  describe('behind a body parser of the host', () => {
    const headers = { 'content-length': '7', ...JSON_TYPE }
    const TABLE: [title: string, members: Record<string, unknown>, sent: string][] = [
      ['raw bytes that it kept', { rawBody: Buffer.from('{"a":1}'), body: { a: 1 }, headers }, '{"a":1}'],
      ['raw text that it kept', { rawBody: '{"a":1}', body: { a: 1 }, headers }, '{"a":1}'],
      ['bytes', { body: Buffer.from('{"a":1}'), headers: { 'content-length': '7' } }, '{"a":1}'],
      ['an object that was JSON', { body: { a: [1, 'é'] }, headers }, '{"a":[1,"é"]}'],
      ['a list that was JSON', { body: [1], headers }, '[1]'],
      ['the text of JSON', { body: '{"a":1}', headers }, '{"a":1}'],
      ['a string that was JSON', { body: 'text', headers: { ...headers, 'content-length': '6' } }, '"text"'],
      ['a string that was JSON, with quotes', { body: '"', headers: { ...headers, 'content-length': '4' } }, '"\\""'],
      ['a number that was JSON', { body: 5, headers: { ...headers, 'content-length': '1' } }, '5'],
      ['false', { body: false, headers: { ...headers, 'content-length': '5' } }, 'false'],
      ['null', { body: null, headers: { ...headers, 'content-length': '4' } }, 'null'],
      ['numbers that lose nothing', { body: [9007199254740991, -0.1, 1e-7], headers }, '[9007199254740991,-0.1,1e-7]'],
      [
        'an object of the JSON family',
        { body: {}, headers: { ...headers, 'content-type': 'application/merge-patch+json' } },
        '{}',
      ],
    ]
    for (const [title, members, expected] of TABLE) {
      it(`sends ${title}, and says that it was read`, async () => {
        let calls = 0
        const onConsumed = () => {
          calls += 1
        }
        const body = await prepare(await consumed(members), { keep: false, onConsumed })
        assert.equal((await sent(body)).toString(), expected)
        assert.deepEqual([body.replayable, body.length, calls], [true, Buffer.byteLength(expected), 1])
      })
    }

    const REFUSED: [title: string, members: Record<string, unknown>][] = [
      ['nothing', { headers }],
      ['a text of another length', { body: '{"a":1} ', headers }],
      ['a text that was compressed', { body: '{"a":1}', headers: { ...headers, 'content-encoding': 'gzip' } }],
      ['a number that may have been written otherwise', { body: 5, headers }],
      ['nothing where there was something', { body: null, headers }],
      ['a form', { body: { a: '1' }, headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } }],
      ['an object of no type', { body: { a: 1 }, headers: { 'content-length': '7' } }],
    ]
    for (const json of ['9007199254740993', '[{"a":12345678901234567890}]', '{"a":-9007199254740993}', '{"a":1e400}'])
      it(`refuses ${json}, of which digits are lost`, async () => {
        const members = { body: JSON.parse(json), headers: { ...JSON_TYPE, 'content-length': String(json.length) } }
        await assert.rejects(prepare(await consumed(members, json)), { code: 500, message: ROUNDED })
        const kept = await prepare(await consumed({ ...members, rawBody: json }, json))
        assert.equal((await sent(kept)).toString(), json)
      })

    for (const [title, members] of REFUSED) {
      it(`refuses to guess when there is ${title}`, async () => {
        await assert.rejects(prepare(await consumed(members)), { code: 500, message: CONSUMED })
      })
    }
  })
})

describe('reframe', () => {
  const headers = { 'content-length': '9', 'transfer-encoding': 'chunked', 'content-encoding': 'gzip', ...JSON_TYPE }
  const TABLE: [title: string, body: Partial<Body>, expected: object][] = [
    ['nothing when the body is framed as it was', {}, headers],
    ['the length of what was kept', { length: 5 }, { 'content-length': '5', 'content-encoding': 'gzip', ...JSON_TYPE }],
    [
      'also what a parser has undone',
      { length: 5, undone: ['content-encoding', 'charset'] },
      { 'content-length': '5', 'content-type': 'application/json' },
    ],
  ]
  for (const [title, body, expected] of TABLE) {
    it(`changes ${title}`, () => {
      const changed = { ...headers }
      reframe(changed, { replayable: true, source: () => incoming(), ...body })
      assert.deepEqual(changed, expected)
    })
  }
})
