import assert from 'node:assert/strict'
import { rawAnswer } from '../helpers/faults.ts'
import { openRaw } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'
import { call, callRaw, MOUNT, type OnStage, seen, untilQuiet, wire } from './caller.ts'
import type { Entrance } from './subject.ts'

/** The request that an attacker wants to reach the remote past the gateway. */
const SMUGGLED = 'GET /r1/openidm/smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'
const LENGTH = SMUGGLED.length
const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
const TARGET = `${MOUNT}eu/managed/user`
const post = (headers: readonly string[], body: string) => wire(`POST ${TARGET}`, headers, body)

/** One message for each honest reader: the smuggled bytes are its body, and arrive as such. */
const WHOLE: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  ['GET', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH'].map((method) => [
    method,
    [
      wire(`${method} ${TARGET}`, ['Transfer-Encoding: chunked'], chunked(SMUGGLED)),
      wire(`${method} ${TARGET}`, ['Transfer-Encoding: Chunked', 'Trailer: Content-Length'], chunked(SMUGGLED)),
      wire(`${method} ${TARGET}`, [`Content-Length: ${LENGTH}`], SMUGGLED),
      wire(`${method} ${TARGET}`, [`Content-Length: 00${LENGTH}`], SMUGGLED),
    ],
  ]),
)

/** Messages whose end two readers find at different places. */
const DOUBTFUL: Readonly<Record<string, string>> = {
  'length and coding': post(['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
  'coding and length': post(['Transfer-Encoding: chunked', `Content-Length: ${LENGTH + 5}`], `0\r\n\r\n${SMUGGLED}`),
  xchunked: post(['Transfer-Encoding: xchunked'], chunked(SMUGGLED)),
  'xchunked and length': post(['Transfer-Encoding: xchunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
  identity: post(['Transfer-Encoding: identity', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
  'chunked, identity': post(['Transfer-Encoding: chunked, identity'], chunked(SMUGGLED)),
  'gzip, chunked': post(['Transfer-Encoding: gzip, chunked'], chunked(SMUGGLED)),
  'chunked twice': post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], chunked(SMUGGLED)),
  'chunked and xchunked': post(['Transfer-Encoding: chunked', 'Transfer-Encoding: x'], chunked(SMUGGLED)),
  'a space before the colon': post(['Transfer-Encoding : chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
  'a vertical tab': post(['Transfer-Encoding:\x0bchunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
  'a length with a space before the colon': wire(`GET ${TARGET}`, [`Content-Length : ${LENGTH}`], SMUGGLED),
  'a coding with two of them': wire(`GET ${TARGET}`, ['Transfer-Encoding  : chunked'], chunked(SMUGGLED)),
  'a NUL in the name': post(['Transfer\0Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
  quoted: post(['Transfer-Encoding: "chunked"'], chunked(SMUGGLED)),
  'a folded coding': post(['Transfer-Encoding:', ' chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
  'a folded length': post(['Content-Length: 0', ` ${LENGTH}`], SMUGGLED),
  'a folded other header': post(
    ['X-A: b', '\tTransfer-Encoding: chunked', 'Content-Length: 5'],
    `0\r\n\r\n${SMUGGLED}`,
  ),
  'two lengths': post(['Content-Length: 0', `Content-Length: ${LENGTH}`], SMUGGLED),
  'two equal lengths': post([`Content-Length: ${LENGTH}`, `Content-Length: ${LENGTH}`], SMUGGLED),
  'a list of lengths': post([`Content-Length: ${LENGTH}, ${LENGTH}`], SMUGGLED),
  'a signed length': post([`Content-Length: +${LENGTH}`], SMUGGLED),
  'a negative length': post(['Content-Length: -1'], SMUGGLED),
  'a hexadecimal length': post([`Content-Length: 0x${LENGTH.toString(16)}`], SMUGGLED),
  'a length with a space': post([`Content-Length: ${LENGTH} 0`], SMUGGLED),
  'a length beyond all numbers': post(['Content-Length: 18446744073709551621'], `0\r\n\r\n${SMUGGLED}`),
  'chunk size with 0x': post(['Transfer-Encoding: chunked'], `0x5\r\nabcde\r\n0\r\n\r\n${SMUGGLED}`),
  'negative chunk size': post(['Transfer-Encoding: chunked'], `-1\r\n${SMUGGLED}`),
  'chunk size beyond all numbers': post(['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${SMUGGLED}`),
  'chunk that is too long': post(['Transfer-Encoding: chunked'], `3\r\nabcde\r\n0\r\n\r\n${SMUGGLED}`),
  'bare LF in a chunk': post(['Transfer-Encoding: chunked'], `5\nabcde\n0\n\n${SMUGGLED}`),
  'bare LF behind an extension': post(['Transfer-Encoding: chunked'], `2;\nxx\r\n4c\r\n${SMUGGLED}0\r\n\r\n`),
  'bare CR in a chunk size': post(['Transfer-Encoding: chunked'], `5\rX\r\nabcde\r\n0\r\n\r\n${SMUGGLED}`),
  'bare LF between headers': post(['X-A: b'], '').replace('X-A: b\r\n', 'X-A: b\nContent-Length: 5\n') + SMUGGLED,
  'bare CR in a header': post(['X-A: b\rTransfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
  'chunked in HTTP/1.0': post(['Transfer-Encoding: chunked', 'Connection: keep-alive'], chunked(SMUGGLED)).replace(
    'HTTP/1.1',
    'HTTP/1.0',
  ),
  'a header line without colon': post(['Transfer-Encoding chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
  'a header before the request line': `X-A: b\r\n${post([], '')}`,
  'an empty name': post([': chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`),
}

export const p4 = (stage: OnStage): void => {
  /** Whatever came of it: at the remote stands at most the one honest request, and the next one is whole, too. */
  const assertNotSmuggled = async () => {
    for (const { url, headers } of seen(stage())) {
      assert.equal(url, '/r1/openidm/managed/user')
      assert.ok(headers['content-length'] === undefined || headers['transfer-encoding'] === undefined)
    }
    assert.ok(seen(stage()).length <= 1, `${seen(stage()).length} requests arrived`)
    const before = seen(stage()).length
    assert.equal((await call(stage(), 'eu/after')).status, 200)
    assert.deepEqual(
      seen(stage())
        .slice(before)
        .map(({ method, url }) => `${method} ${url}`),
      ['GET /r1/openidm/after'],
    )
    stage().eu.requests.splice(before)
  }

  describe('P4 request smuggling', () => {
    for (const [method, messages] of Object.entries(WHOLE)) {
      it(`${method}: a request in the body stays in the body`, async () => {
        for (const entrance of ['bare', 'lenient'] as const) {
          const { responses } = await callRaw(stage(), messages, { responses: messages.length, entrance })
          assert.equal(responses.length, messages.length)
          for (const response of responses) assert.equal(response.status, 200, response.text)
          const arrived = seen(stage()).splice(-messages.length)
          for (const request of arrived) assert.equal(request.text, SMUGGLED)
        }
        assert.equal(seen(stage()).length, 2 * messages.length)
      })
    }

    for (const entrance of ['bare', 'lenient'] satisfies Entrance[]) {
      describe(`through the ${entrance} parser`, () => {
        // It may wait for more of a body that ends with the connection.
        const isLenient = entrance === 'lenient'

        for (const [name, message] of Object.entries(DOUBTFUL)) {
          it(name, async () => {
            // A second request behind it ends the connection where the first one was read as whole.
            const connection = await openRaw(stage().host.ports[entrance])
            await connection.write(message + wire('GET /openidm/info/ping', ['Connection: close']))
            await until(() => connection.ended || (isLenient && (connection.received.length > 0 || seen(stage())[0])))
            await assertNotSmuggled()
            connection.destroy()
            await untilQuiet(stage())
            await assertNotSmuggled()
          })
        }
      })
    }

    it('trailers are no headers', async () => {
      const trailers = 'Authorization: Basic x\r\nContent-Length: 5\r\nX-Requested-With: x\r\nTransfer-Encoding: x\r\n'
      const body = `2\r\n{}\r\n0\r\n${trailers}\r\n`
      const { response } = await callRaw(stage(), post(['Transfer-Encoding: chunked'], body))
      if (response.status === 200) {
        assert.equal(stage().eu.last.text, '{}')
        assert.deepEqual(stage().eu.last.rawTrailers, [])
      }
      await assertNotSmuggled()
    })

    it('a remote that sends two answers to one question does not answer the next caller', async () => {
      const two = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
      for (let attempt = 0; attempt < 5; attempt++) {
        stage().eu.answer(rawAnswer(two, { open: true }))
        await call(stage(), 'eu/managed/user').catch(() => undefined)
        stage().eu.answer(({ response }) => response.end('honest'))
        assert.equal((await call(stage(), 'eu/after')).text, 'honest')
      }
    })

    it('an answer of doubtful length is refused', async () => {
      for (const head of [
        'Content-Length: 5\r\nTransfer-Encoding: chunked',
        'Content-Length: 1\r\nContent-Length: 2',
      ]) {
        stage().eu.answer(rawAnswer(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n0\r\n\r\n`))
        assert.equal((await call(stage(), 'eu/managed/user')).status, 502, head)
      }
    })
  })
}
