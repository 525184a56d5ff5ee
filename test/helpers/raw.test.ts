import assert from 'node:assert/strict'
import { held, reply } from './behaviours.ts'
import { resetBeforeHeaders } from './faults.ts'
import { testPki } from './pki.ts'
import { openRaw, parseResponses, rawExchange } from './raw.ts'
import { startRemote } from './remote.ts'
import { until } from './until.ts'

const get = (path: string, method = 'GET'): string => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

describe('raw exchange', () => {
  it('sends exact bytes and reads the answer', async () => {
    const remote = await startRemote()
    const { response, ended } = await rawExchange(remote.port, get('/openidm/../%zz'))
    assert.equal(response.status, 200)
    assert.equal(remote.last.url, '/openidm/../%zz')
    assert.equal(ended, false)
  })

  it('sends in parts and reads pipelined answers, HEAD among them', async () => {
    const remote = await startRemote({ behaviour: reply({ body: 'body' }) })
    const parts = [get('/1').slice(0, 7), `${get('/1').slice(7)}${get('/2', 'HEAD')}`, get('/3')]
    const { responses } = await rawExchange(remote.port, parts, { responses: 3, methods: ['GET', 'HEAD', 'GET'] })
    assert.deepEqual(
      responses.map(({ text }) => text),
      ['body', '', 'body'],
    )
    assert.deepEqual(
      remote.requests.map(({ url }) => url),
      ['/1', '/2', '/3'],
    )
    assert.equal(remote.connections, 1)
  })

  it('waits for the end of the connection', async () => {
    const remote = await startRemote()
    const answer = await rawExchange(remote.port, 'nonsense\r\n\r\n', { untilClose: true })
    assert.equal(answer.ended, true)
    assert.equal(answer.response.status, 400)
    assert.equal(remote.refusals.length, 1)
  })

  it('returns what there is when the connection breaks', async () => {
    const remote = await startRemote({ behaviour: resetBeforeHeaders() })
    const answer = await rawExchange(remote.port, get('/'))
    assert.equal(answer.bytes.length, 0)
    assert.deepEqual(answer.responses, [])
    assert.throws(() => answer.response, /no response/)
  })

  it('speaks TLS', async () => {
    const pki = await testPki()
    const remote = await startRemote({ tls: await pki.server('a.example.net') })
    const { response } = await rawExchange(remote.port, get('/'), { tls: { ca: pki.ca, servername: 'a.example.net' } })
    assert.equal(response.status, 200)
    await assert.rejects(rawExchange(remote.port, get('/'), { tls: { ca: pki.ca, servername: 'other' } }), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  it('writes by hand and leaves when the test says so', async () => {
    const remote = await startRemote({ behaviour: held() })
    const connection = await openRaw(remote.port)
    await connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf')
    await until(() => remote.requests[0]?.text === 'half')
    connection.reset()
    await until(() => remote.last.aborted)
    assert.equal(remote.last.complete, false)
  })
})

describe('parseResponses', () => {
  const parse = (text: string, options = {}) => parseResponses(Buffer.from(text, 'latin1'), options)

  it('reads lengths, chunks, trailers and informational responses', () => {
    const { responses, rest } = parse(
      'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: 1\r\na: 2\r\n\r\nhi' +
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\nSum: 3\r\n\r\n' +
        'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart',
    )
    assert.deepEqual(
      responses.map(({ status, text }) => [status, text]),
      [
        [200, 'hi'],
        [200, 'hi!'],
        [204, ''],
      ],
    )
    assert.equal(responses[0]?.informational[0]?.status, 103)
    assert.deepEqual(responses[0]?.all('a'), ['1', '2'])
    assert.throws(() => responses[0]?.header('a'), /2 values/)
    assert.deepEqual(responses[1]?.trailers, [['Sum', '3']])
    assert.match(rest.toString(), /part$/)
  })

  it('reads to the end of the connection when there is no length', () => {
    const text = 'HTTP/1.1 200 OK\r\n\r\nall of it'
    assert.equal(parse(text).responses.length, 0)
    assert.equal(parse(text, { ended: true }).responses[0]?.text, 'all of it')
  })

  it('refuses what two readers could take differently', () => {
    const doubtful = [
      'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'Content-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      'Content-Length: +1\r\n\r\na',
      'Transfer-Encoding: chunked\r\n\r\nxyz\r\n',
      'Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n',
      'Bad Name: 1\r\n\r\n',
    ]
    for (const head of doubtful) assert.throws(() => parse(`HTTP/1.1 200 OK\r\n${head}`), Error, head)
    assert.throws(() => parse('nonsense\r\n\r\n'), /not a status line/)
  })
})
