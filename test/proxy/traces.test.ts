import assert from 'node:assert/strict'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { echo, inTurn, reply } from '../helpers/behaviours.ts'
import { resetBeforeHeaders, silence } from '../helpers/faults.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { startSdk } from '../helpers/tracing.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, startIdm } from './mounted.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = `00-${TRACE}-b7ad6b7169203331-01`

describe('spans of proxied requests', () => {
  it('continue the trace of the caller, and go to the remote where the instance says so', async () => {
    const spans = startSdk()
    const remote = await startRemote()
    const idm = await startIdm({ eu: basicOf(remote, { propagateTrace: true }), us: basicOf(remote) })
    for (const name of ['eu', 'us']) {
      const headers = { traceparent: CALLER, tracestate: 'vendor=1', baggage: 'user=ada' }
      assert.equal((await idm.call(`${name}/managed/user/secret-id`, { headers })).status, 200)
    }
    const [first, second] = spans()
    assert.ok(first && second)
    assert.equal(first.name, 'GET external/idm/eu')
    assert.equal(first.kind, SpanKind.CLIENT)
    assert.equal(first.parentSpanContext?.spanId, 'b7ad6b7169203331')
    assert.deepEqual(first.attributes, {
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': remote.port,
      'openidm.instance': 'eu',
      'http.response.status_code': 200,
    })
    const [eu, us] = remote.requests
    assert.equal(eu?.headers.traceparent, `00-${TRACE}-${first.spanContext().spanId}-01`)
    assert.equal(eu.headers.tracestate, 'vendor=1')
    assert.equal(eu.headers.baggage, undefined)
    assert.equal(second.spanContext().traceId, TRACE)
    for (const name of ['traceparent', 'tracestate', 'baggage']) assert.equal(us?.headers[name], undefined)
  })

  it('are children of the active span of the application', async () => {
    const spans = startSdk()
    const remote = await startRemote()
    const tracer = trace.getTracer('application')
    const idm = await startIdm({ eu: basicOf(remote) }, {}, (serve) => {
      tracer.startActiveSpan('request', (span) => {
        serve()
        span.end()
      })
    })
    await idm.call('eu/managed/user', { headers: { traceparent: CALLER } })
    const [own, span] = spans()
    assert.equal(own?.name, 'request')
    assert.equal(span?.parentSpanContext?.spanId, own.spanContext().spanId)
  })

  it('are one for each attempt, and one for each token request', async () => {
    const spans = startSdk()
    const tokens = await startTokenServer()
    const remote = await startRemote({ behaviour: inTurn(reply({ status: 401 }), resetBeforeHeaders(), echo()) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens) })
    assert.equal((await idm.call('eu/managed/user')).status, 200)
    const told = spans().map(({ name, attributes, status }) => [
      name,
      attributes['http.request.resend_count'] ?? 0,
      attributes['error.type'] ?? attributes['http.response.status_code'] ?? 'ok',
      status.code === SpanStatusCode.ERROR,
    ])
    assert.deepEqual(told, [
      ['token request', 0, 'ok', false],
      ['GET external/idm/eu', 0, '401', true],
      ['token request', 0, 'ok', false],
      ['GET external/idm/eu', 1, 'reset', true],
      ['GET external/idm/eu', 1, 200, false],
    ])
  })

  it('end when the caller leaves', async () => {
    const spans = startSdk()
    const remote = await startRemote({ behaviour: silence() })
    const idm = await startIdm({ eu: basicOf(remote) })
    const leaving = new AbortController()
    const call = idm.call('eu/managed/user', { signal: leaving.signal })
    await remote.received()
    leaving.abort()
    await assert.rejects(call)
    await until(() => spans().length === 1, 'the span has ended')
    assert.equal(spans()[0]?.attributes['error.type'], 'aborted')
  })

  it('are absent without an SDK; the trace of the caller is passed on where the instance says so', async () => {
    const remote = await startRemote()
    const idm = await startIdm({ eu: basicOf(remote, { propagateTrace: true }), us: basicOf(remote) })
    for (const name of ['eu', 'us']) await idm.call(`${name}/managed/user`, { headers: { traceparent: CALLER } })
    assert.deepEqual(
      remote.requests.map(({ headers }) => headers.traceparent),
      [CALLER, undefined],
    )
  })
})
