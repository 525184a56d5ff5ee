import assert from 'node:assert/strict'
import { held, reply } from '../helpers/behaviours.ts'
import { rawAnswer } from '../helpers/faults.ts'
import { openRaw } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'
import { callHost, callRaw, MOUNT, type OnStage, untilQuiet, wire } from './caller.ts'

const LINES = [
  '',
  ' ',
  'GET',
  'GET ',
  `GET ${MOUNT}eu/x`,
  `GET ${MOUNT}eu/x HTTP/9.9`,
  `GET ${MOUNT}eu/x HTTP/1.1 HTTP/1.1`,
  `GET ${MOUNT}eu/a b HTTP/1.1`,
  `get ${MOUNT}eu/x HTTP/1.1`,
  `G\0T ${MOUNT}eu/x HTTP/1.1`,
  'GET * HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET ? HTTP/1.1',
  'GET # HTTP/1.1',
  'GET // HTTP/1.1',
  'GET //[ HTTP/1.1',
  'GET http:// HTTP/1.1',
  'GET http://%zz/openidm/external/idm/eu/x HTTP/1.1',
  'GET http://[::1/openidm/external/idm/eu/x HTTP/1.1',
  'GET http:/openidm/external/idm/eu/x HTTP/1.1',
  'GET %2fopenidm%2fexternal%2fidm%2feu%2fx HTTP/1.1',
  'GET /%E0%A4%A HTTP/1.1',
  'GET /openidm/%E0%A4%A HTTP/1.1',
  `GET ${MOUNT}%E0%A4%A/x HTTP/1.1`,
  `GET ${MOUNT}eu/%E0%A4%A HTTP/1.1`,
  `GET ${MOUNT}eu/x?%E0%A4%A HTTP/1.1`,
  `GET ${MOUNT}__proto__/x HTTP/1.1`,
  `GET ${MOUNT}constructor/x HTTP/1.1`,
  `GET ${MOUNT}*/{a,b}(c|d)+[e]! HTTP/1.1`,
  `GET ${MOUNT}eu/${'('.repeat(500)}${'a'.repeat(500)}!${'*'.repeat(500)} HTTP/1.1`,
  `GET ${MOUNT}${'x'.repeat(9000)}/x HTTP/1.1`,
  `GET ${MOUNT}eu/${'x'.repeat(70_000)} HTTP/1.1`,
  `GET ${MOUNT}eu/x${'/a'.repeat(4000)} HTTP/1.1`,
  `GET ${MOUNT}eu/${'%25'.repeat(4000)} HTTP/1.1`,
  'CONNECT / HTTP/1.1',
  'PRI * HTTP/2.0',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  '\xff\xfe\xfd',
]

/** More than the connections of an instance. */
const QUEUE = 70

/** Answers that a server must not give. */
const ANSWERS = [
  ...['000', '099', '600', '999', '20', '2000', 'abc', '-1'].map(
    (status) => `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nok`,
  ),
  ...['\x01', '\x7f', '\0', '\xff', '\r', '\rInjected: 1', '\n Injected: 1'].flatMap((byte) => [
    `HTTP/1.1 200 OK\r\nContent-Type: a${byte}b\r\nContent-Length: 2\r\n\r\nok`,
    `HTTP/1.1 201 OK\r\nLocation: /r1/openidm/a${byte}b\r\nContent-Length: 2\r\n\r\nok`,
  ]),
  ...['%0d%0aInjected:%201', '%', '%zz', 'a b', '\xc3\xbc', '', '?', '#', ':', ':80', 'http:', '//'].map(
    (location) => `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`,
  ),
  'HTTP/1.1 200 OK\r\nLocation: /a\r\nLocation: /b\r\nETag: "1"\r\nETag: "2"\r\nVary: a\r\nVary: b\r\n\r\n',
  'HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: x\r\nConnection: __proto__, constructor, etag\r\n\r\n',
  'HTTP/1.1 200\r\n\r\n',
  'HTTP/0.9 200 OK\r\n\r\n',
  'HTTP/2.0 200 OK\r\n\r\n',
  'ICY 200 OK\r\n\r\n',
  `HTTP/1.1 200 OK\r\nETag: ${'a'.repeat(100_000)}\r\n\r\n`,
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nInjected: 1\r\n\r\n',
  '',
]

export const p7 = (stage: OnStage): void => {
  describe('P7 malformed requests', () => {
    for (const entrance of ['bare', 'lenient'] as const) {
      it(`${LINES.length} request lines do not end the process (${entrance} parser)`, async () => {
        for (const line of LINES) {
          const bytes = `${line}\r\nHost: gateway\r\nConnection: close\r\n\r\n`
          const { bytes: answer } = await callRaw(stage(), bytes, { untilClose: true, entrance })
          assert.doesNotMatch(answer.toString('latin1'), /^HTTP\/1\.1 50\d/, line.slice(0, 100))
          assert.doesNotMatch(answer.toString('latin1'), / at .*\.(js|ts|mjs):\d/, 'no stack is shown')
        }
        assert.equal((await callHost(stage(), '/openidm/info/ping')).status, 200)
      })
    }

    it('nor do headers', async () => {
      const target = `GET ${MOUNT}eu/info/ping`
      for (const header of [
        'Accept-API-Version: \xff\xfe',
        'Content-Type: ;;;=',
        'If-Match: "',
        'Via: ,,,',
        'Accept-Encoding: \t\t',
        `Cookie: ${'a'.repeat(100_000)}`,
        '__proto__: x',
        'constructor: x',
        'Content-Encoding: x, y, z, gzip, gzip, gzip, gzip',
        'Range: bytes=0-,0-,0-,0-,0-,0-',
        'X-HTTP-Method-Override: \xff',
        'Expect:',
        'Upgrade:',
        ...Array.from({ length: 3 }, (_, index) => `${'X'.repeat(4000 * index + 1)}: y`),
      ]) {
        const { bytes } = await callRaw(stage(), wire(target, [header, 'Connection: close']), { untilClose: true })
        assert.doesNotMatch(bytes.toString('latin1'), /^HTTP\/1\.1 50[0234]/, header.slice(0, 100))
      }
      const many = Array.from({ length: 3000 }, (_, index) => `X${index}: y`)
      await callRaw(stage(), wire(target, [...many, 'Connection: close']), { untilClose: true })
      assert.equal((await callHost(stage(), '/openidm/info/ping')).status, 200)
    })

    it('nor what a remote answers', async () => {
      for (const answer of ANSWERS) {
        for (const method of ['GET', 'HEAD', 'POST']) {
          stage().eu.answer(rawAnswer(answer))
          const request = wire(`${method} ${MOUNT}eu/x`, ['Content-Length: 0', 'Connection: close'])
          const { bytes } = await callRaw(stage(), request, { untilClose: true })
          const text = bytes.toString('latin1')
          // Where the body is what is wrong, the exchange is cut behind a head that may not have left yet.
          assert.match(text, /^(HTTP\/1\.1 [1-9]\d\d |$)/, `${method} ${answer.slice(0, 100)}`)
          if (/^HTTP\/1\.1 0/.test(answer)) assert.match(text, /^HTTP\/1\.1 502 /)
          assert.doesNotMatch(text, /^ ?injected/im)
        }
      }
      stage().eu.answer(reply({ body: {} }))
      assert.equal((await callHost(stage(), `${MOUNT}eu/x`)).status, 200)
    })

    it('nor a caller that leaves a queue of requests behind, none of which goes on for ever (R4)', async () => {
      const { eu, host } = stage()
      const request = wire(`POST ${MOUNT}eu/x`, ['Content-Length: 2'], '{}')
      const late = held()
      eu.answer(late)
      const connection = await openRaw(host.ports.bare)
      await connection.write(request.repeat(QUEUE))
      await until(() => late.waiting > 10, 'they have arrived')
      connection.destroy()
      await untilQuiet(stage())
      await until(() => eu.requests.every(({ aborted }) => aborted), 'the remote is left alone')
      late.release()
    })

    it('nor a caller that breaks off', async () => {
      const post = wire(`POST ${MOUNT}eu/managed/user`, ['Content-Length: 1000'], '{"a":')
      for (const part of [post, post.slice(0, 20), post.slice(0, -6), '']) {
        for (const entrance of ['bare', 'json', 'rawBody'] as const)
          await callRaw(stage(), part, { responses: 0, entrance })
      }
      await untilQuiet(stage())
      assert.equal((await callHost(stage(), '/openidm/info/ping')).status, 200)
    })
  })
}
