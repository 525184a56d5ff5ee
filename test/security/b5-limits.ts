import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { byHand, stream } from '../helpers/behaviours.ts'
import { patternSha256 } from '../helpers/pattern.ts'
import { openRaw } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'
import {
  assertNothingSeen,
  assertRefused,
  call,
  callHost,
  MOUNT,
  type OnStage,
  untilQuiet,
  wire,
  withInstance,
} from './caller.ts'

const LARGE = 8_000_000

export const b5 = (stage: OnStage): void => {
  describe('B5 nothing is collected without a limit', () => {
    for (const instance of ['eu', 'cloud'] as const) {
      it(`a body reaches ${instance} while its caller still sends`, async () => {
        const connection = await openRaw(stage().host.ports.bare)
        const half = 'x'.repeat(150_000)
        await connection.write(wire(`POST ${MOUNT}${instance}/x`, [`Content-Length: ${half.length * 2}`], half))
        await until(() => (stage()[instance].requests[0]?.bodyLength ?? 0) > 100_000, 'the first half is there')
        await connection.write(half)
        assert.equal((await connection.response()).status, 200)
        assert.equal(stage()[instance].last.bodyLength, half.length * 2)
      })
    }

    it('an answer reaches the caller while the remote still sends', async () => {
      const remote = byHand()
      stage().eu.answer(remote)
      const connection = await openRaw(stage().host.ports.bare)
      await connection.write(wire(`GET ${MOUNT}eu/x`))
      const { response } = await remote.next()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      await until(() => connection.received.includes('text/event-stream'), 'the head is there')
      response.write('data: 1\n\n')
      await until(() => connection.received.includes('data: 1'), 'the first event is there')
      response.end()
      await connection.response()
    })

    it('a remote is not read faster than its caller reads', async () => {
      const source = stream({ bytes: 60_000_000 })
      stage().eu.answer(source)
      const connection = await openRaw(stage().host.ports.bare)
      connection.socket.pause()
      await connection.write(wire(`GET ${MOUNT}eu/x`))
      let last = -1
      await until(() => {
        const still = source.sent > 0 && source.sent === last
        last = source.sent
        return still
      }, 'the remote waits')
      await callHost(stage(), '/openidm/info/ping')
      assert.ok(source.sent < 40_000_000, `${source.sent} bytes were taken`)
      connection.destroy()
      await untilQuiet(stage())
    })

    it('large bodies pass whole in both directions', async () => {
      stage().cloud.answer(stream({ bytes: LARGE, declared: true }))
      const answer = await call(stage(), 'cloud/x')
      assert.equal(answer.body.length, LARGE)
      stage().cloud.answer(async ({ request, response }) => {
        await request.received
        response.end()
      })
      await call(stage(), 'cloud/x', { method: 'PUT', body: answer.body })
      assert.equal(stage().cloud.last.sha256, patternSha256(LARGE))
    })

    it('what we read ourselves has a limit, and is not unpacked', async () => {
      const test = (body: Buffer | string, headers = {}) =>
        call(stage(), 'eu?_action=test', {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body,
        })
      assertRefused(await test(`{"a":"${'x'.repeat(2_000_000)}"}`), 413)
      assertRefused(await test(gzipSync(`{"a":"${'x'.repeat(2_000_000)}"}`), { 'content-encoding': 'gzip' }), 415)
      assertRefused(await test('a=1', { 'content-type': 'application/x-www-form-urlencoded' }), 415)
      assertNothingSeen(stage())
    })

    it('a token endpoint that never ends its answer gets 502', async () => {
      const { us } = stage()
      const token = `{"token_type":"bearer","access_token":"${'x'.repeat(300_000)}"}`
      us.answer(({ response }) => response.writeHead(200, { 'content-type': 'application/json' }).end(token))
      await withInstance(stage(), 'glutton', {
        authType: 'bearer',
        instanceUrl: us.url,
        clientId: 'c',
        clientSecret: 's',
        tokenEndpoint: `${us.url}token`,
      })
      assertRefused(await call(stage(), 'glutton/x'), 502)
      us.requests.splice(0)
    })
  })
}
