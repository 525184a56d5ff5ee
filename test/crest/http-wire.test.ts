import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import type { RequestHandler } from 'express'
import express from 'express'
import type { Json } from '../../lib/contract.ts'
import { crestHttp, sendError } from '../../lib/crest/http/http.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import type { RequestContext, ResourceHandler } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { request, toLoopback } from '../helpers/http.ts'
import { memoryLog } from '../helpers/log.ts'
import { testPki } from '../helpers/pki.ts'
import { openRaw, rawExchange } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'
import { behind, type Host, listen, plainHost } from './http-hosts.ts'

const LIMIT = 1000
const log = memoryLog()

async function start(host: Host = plainHost, handler: ResourceHandler = new MemoryCollection()): Promise<number> {
  const router = new ResourceRouter()
  router.add('thing', handler)
  return (await listen(host(crestHttp({ router, contextOf: () => ({}), maxBodyBytes: LIMIT, log })))).port
}

const head = (method: string, path: string, ...headers: string[]) =>
  [`${method} /openidm/thing${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n')

const JSON_HEADER = 'Content-Type: application/json'

describe('CREST on the wire', () => {
  beforeEach(() => log.clear())

  it('B5: refuses a body by its declared length, without waiting for it', async () => {
    const bytes = head('PUT', '/a', JSON_HEADER, 'Content-Length: 9000000')
    const { response, ended } = await rawExchange(await start(), bytes, { untilClose: true })
    assert.equal(response.status, 413)
    assert.ok(ended)
  })

  it('a small body that is refused does not cost the connection', async () => {
    const body = 'x'.repeat(LIMIT + 1)
    const bytes = `${head('PUT', '/a', JSON_HEADER, `Content-Length: ${body.length}`)}${body}${head('GET', '/a')}`
    const { responses } = await rawExchange(await start(), bytes, { responses: 2 })
    assert.deepEqual(
      responses.map(({ status }) => status),
      [413, 404],
    )
  })

  const depths: [levels: number, status: number][] = [
    [499, 201],
    [500, 400],
    [2000, 400],
    [400_000, 400],
  ]
  for (const [levels, status] of depths)
    it(`a list nested ${levels} levels deep within the object: ${status}`, async () => {
      const router = new ResourceRouter()
      router.add('thing', new MemoryCollection())
      const { port } = await listen(plainHost(crestHttp({ router, contextOf: () => ({}) })))
      const body = `{"x":${'['.repeat(levels)}${']'.repeat(levels)}}`
      const headers = { 'content-type': 'application/json' }
      const answer = await request(`http://127.0.0.1:${port}/openidm/thing/a`, { method: 'PUT', body, headers })
      assert.equal(answer.status, status)
    })

  it('B5: counts a body of unknown length while it reads', async () => {
    const chunk = `${LIMIT.toString(16)}\r\n"${'x'.repeat(LIMIT - 1)}\r\n`
    const { response } = await rawExchange(
      await start(),
      [head('PUT', '/a', JSON_HEADER, 'Transfer-Encoding: chunked'), chunk, chunk],
      { untilClose: true },
    )
    assert.equal(response.status, 413)
  })

  it('takes a body of just the limit', async () => {
    const body = JSON.stringify({ x: 'y'.repeat(LIMIT - 8) })
    assert.equal(body.length, LIMIT)
    const { response } = await rawExchange(
      await start(),
      `${head('PUT', '/a', JSON_HEADER, `Content-Length: ${LIMIT}`)}${body}`,
    )
    assert.equal(response.status, 201)
  })

  it('a sender that is refused can still read why', async () => {
    const body = Buffer.alloc(200_000, ' ')
    const { status, json } = await request(`http://127.0.0.1:${await start()}/openidm/thing/a`, {
      method: 'PUT',
      body,
      headers: { 'content-type': 'application/json' },
    })
    assert.deepEqual([status, (json as { code: number }).code], [413, 413])
  })

  it('a body in chunks, cut within a character', async () => {
    const bytes = Buffer.from('{"x":"é"}')
    const [left, right] = [bytes.subarray(0, 7), bytes.subarray(7)]
    const parts = [left, right].flatMap((part) => [`${part.length.toString(16)}\r\n`, part, '\r\n'])
    const { response } = await rawExchange(await start(), [
      head('PUT', '/a', JSON_HEADER, 'Transfer-Encoding: chunked'),
      ...parts,
      '0\r\n\r\n',
    ])
    assert.equal(response.status, 201)
    assert.equal(JSON.parse(response.body.toString('utf8')).x, 'é')
  })

  it('Expect: 100-continue', async () => {
    const connection = await openRaw(await start())
    await connection.write(head('PUT', '/a', JSON_HEADER, 'Content-Length: 2', 'Expect: 100-continue'))
    await until(() => connection.received.toString().startsWith('HTTP/1.1 100'))
    await connection.write('{}')
    await until(() => connection.received.toString().includes('HTTP/1.1 201'))
  })

  it('the connection goes on behind refusals, 304 and HEAD, and none has a body', async () => {
    const port = await start()
    const created = await rawExchange(port, `${head('PUT', '/a', JSON_HEADER, 'Content-Length: 2')}{}`)
    const { _rev } = JSON.parse(created.response.body.toString())
    const bytes = [
      `${head('PUT', '/a', JSON_HEADER, 'Content-Length: 1')}{`,
      head('GET', '/a', `If-None-Match: "${_rev}"`),
      head('HEAD', '/a'),
      head('POST', '?_action=x', 'Content-Length: 0'),
      head('GET', '/a'),
    ].join('')
    const { responses } = await rawExchange(port, bytes, {
      responses: 5,
      methods: ['PUT', 'GET', 'HEAD', 'POST', 'GET'],
    })
    assert.deepEqual(
      responses.map(({ status }) => status),
      [400, 304, 501, 501, 200],
    )
    assert.deepEqual([responses[1]?.body.length, responses[2]?.body.length], [0, 0])
  })

  it('Location is a path for a caller that names no host', async () => {
    const bytes = 'POST /openidm/thing?_id=a HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'
    const { bytes: answer } = await rawExchange(await start(), bytes, { untilClose: true })
    assert.match(answer.toString(), /^Location: \/openidm\/thing\/a\r$/m)
  })

  const types: [header: string, status: number][] = [
    ['Content-Type: application/json', 201],
    ['Content-Type: Application/JSON; charset=UTF-8', 201],
    ['Content-Type: application/json;charset="utf-8"', 201],
    ['Content-Type: application/json; charset=latin1', 415],
    ['Content-Type: application/json, text/html', 415],
    ['Content-Type: application/jsonp', 415],
    ['Content-Type: application/merge-patch+json', 415],
    ['X-No-Content-Type: 1', 415],
  ]
  for (const [header, status] of types)
    it(`${header}: ${status}`, async () => {
      const { response } = await rawExchange(await start(), `${head('PUT', '/a', header, 'Content-Length: 2')}{}`)
      assert.equal(response.status, status)
    })

  it('B5: a compressed body is refused, not unpacked', async () => {
    const body = gzipSync('{}')
    const { response } = await rawExchange(await start(), [
      head('PUT', '/a', JSON_HEADER, 'Content-Encoding: gzip', `Content-Length: ${body.length}`),
      body,
    ])
    assert.equal(response.status, 415)
  })

  it('a fault in JSON is told without the text around it', async () => {
    const body = '{"password":"s3cret" x}'
    const { response } = await rawExchange(
      await start(),
      `${head('PUT', '/a', JSON_HEADER, `Content-Length: ${body.length}`)}${body}`,
    )
    const { code, message } = JSON.parse(response.body.toString())
    assert.equal(code, 400)
    assert.match(message, /is not valid JSON: /)
    assert.doesNotMatch(message, /s3cret/)
  })

  it('R4: a caller who leaves aborts the handler', async () => {
    let context: RequestContext | undefined
    const port = await start(plainHost, {
      read: (_request, given) => {
        context = given
        return new Promise(() => undefined)
      },
    })
    const connection = await openRaw(port)
    await connection.write(head('GET', '/a'))
    await until(() => context)
    assert.equal(context?.signal?.aborted, false)
    connection.socket.destroy()
    await until(() => context?.signal?.aborted)
  })

  it('R4: a caller who leaves within the body is not answered, and nothing is written', async () => {
    const things = new MemoryCollection()
    const port = await start(plainHost, things)
    const connection = await openRaw(port)
    await connection.write(`${head('PUT', '/a', JSON_HEADER, 'Content-Length: 9')}{`)
    connection.socket.destroy()
    const { response } = await rawExchange(port, head('GET', '/a'))
    assert.equal(response.status, 404)
    assert.deepEqual(log.entries, [])
  })

  it('Location speaks of https where the caller did', async () => {
    const router = new ResourceRouter()
    router.add('thing', new MemoryCollection())
    const pki = await testPki()
    const { key, certificate: cert } = await pki.server()
    const { port } = await listen(plainHost(crestHttp({ router, contextOf: () => ({}) })), { key, cert })
    const url = `https://localhost:${port}/openidm/thing`
    const { headers } = await request(url, { method: 'POST', json: { _id: 'a' }, ca: pki.ca, lookup: toLoopback })
    assert.equal(headers.location, `${url}/a`)
  })

  it('an answer that has begun is cut off, not continued with an error', async () => {
    const { port } = await listen((_request, response) => {
      response.writeHead(200, { 'Content-Length': 9 })
      response.write('x')
      sendError(response, new Error('too late'))
    })
    const { bytes, ended } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', { untilClose: true })
    assert.ok(ended)
    assert.doesNotMatch(bytes.toString(), /500|late/)
  })

  it('an unexpected failure is logged with its cause, a refusal is not', async () => {
    const port = await start(plainHost, {
      read: async () => {
        throw new Error('the reason')
      },
    })
    await rawExchange(port, head('GET', '/a?x=1'))
    await rawExchange(port, head('DELETE', '/a'))
    assert.deepEqual(log.messages(), ['Internal Server Error'])
    assert.match(log.text, /the reason/)
    assert.equal(log.entries[0]?.details.path, '/thing/a')
  })

  it('refuses a body with bytes that are no UTF-8, and stores nothing', async () => {
    const body = Buffer.from('{"sn":"Ren\xe9"}', 'latin1')
    const keepBytes = express.raw({ type: '*/*' })
    for (const host of [plainHost, behind(keepBytes)]) {
      const url = `http://127.0.0.1:${await start(host)}/openidm/thing/a`
      const headers = { 'content-type': 'application/json' }
      const { status, json } = await request(url, { method: 'PUT', body, headers })
      assert.equal(status, 400)
      assert.match((json as { message: string }).message, /not valid JSON: it is not UTF-8$/)
      assert.equal((await request(url)).status, 404)
    }
  })

  describe('B1: behind a host that has read the body', () => {
    const create = async (host: Host, type: string, body: string): Promise<[status: number, x: Json]> => {
      const options = { method: 'PUT', body, headers: { 'content-type': type } }
      const { status, json } = await request(`http://127.0.0.1:${await start(host)}/openidm/thing/a`, options)
      return [status, (json as { x?: Json; message?: string }).x ?? (json as { message?: string }).message ?? null]
    }
    const swallow: RequestHandler = (incoming, _response, next) => {
      incoming.resume().on('end', () => next())
    }
    const keepRaw = express.json({
      verify: (incoming, _response, bytes) => Object.assign(incoming, { rawBody: bytes }),
    })

    it('as JSON', async () =>
      assert.deepEqual(await create(behind(express.json()), 'application/json', '{"x":1}'), [201, 1]))
    it('as JSON of great depth', async () => {
      const body = `{"x":${'['.repeat(40_000)}${']'.repeat(40_000)}}`
      assert.equal((await create(behind(express.json()), 'application/json', body))[0], 400)
    })
    it('as text', async () =>
      assert.deepEqual(await create(behind(express.text({ type: '*/*' })), 'application/json', '{"x":1}'), [201, 1]))
    it('as bytes', async () =>
      assert.deepEqual(await create(behind(express.raw({ type: '*/*' })), 'application/json', '{"x":1}'), [201, 1]))
    it('and kept its bytes, which come first', async () =>
      assert.deepEqual(await create(behind(keepRaw), 'application/json', '{"x":1e2}'), [201, 100]))
    it('as a form: 415 all the same', async () => {
      const [status] = await create(
        behind(express.urlencoded({ extended: false })),
        'application/x-www-form-urlencoded',
        'x=1',
      )
      assert.equal(status, 415)
    })
    it('and kept nothing: 500 that names the cure, at once', async () => {
      const [status, message] = await create(behind(swallow), 'application/json', '{"x":1}')
      assert.equal(status, 500)
      assert.match(String(message), /mount this handler before the body parser/)
    })
  })
})
