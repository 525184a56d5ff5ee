import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { until } from '../helpers/until.ts'
import { assertNothingSeen, assertRefused, type Call, call, type OnStage } from './caller.ts'
import type { Stage } from './stage.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** A chunked body with spaces and an order of its own. */
const PRETTY = '{\n  "name": "Bö",\n  "tags": [1, 2, null],\n  "nested": { "z": 1, "a": "\\u00fc" }\n}\n'

async function post(stage: Stage, instance: 'eu' | 'cloud', body: string | Buffer, options: Call) {
  const headers = { ...JSON_TYPE, ...options.headers }
  const answer = await call(stage, `${instance}/managed/user?_action=create`, {
    method: 'POST',
    ...options,
    headers,
    body,
  })
  return { answer, arrived: stage[instance].requests.at(-1) }
}

export const b1 = (stage: OnStage): void => {
  describe('B1 a body parser of the host before the router', () => {
    for (const instance of ['eu', 'cloud'] as const) {
      for (const framing of [{}, { 'transfer-encoding': 'chunked' }]) {
        const title = `${instance}, ${'transfer-encoding' in framing ? 'chunked' : 'with a length'}`

        it(`express.json(): the same JSON, its length right (${title})`, async () => {
          const { answer, arrived } = await post(stage(), instance, PRETTY, { entrance: 'json', headers: framing })
          assert.equal(answer.status, 200)
          assert.deepEqual(JSON.parse(arrived?.text ?? ''), JSON.parse(PRETTY))
          assert.equal(arrived?.headers['content-length'], String(arrived?.bodyLength))
          assert.equal(arrived?.headers['transfer-encoding'], undefined)
          assert.equal(arrived?.url, '/r1/openidm/managed/user?_action=create')
        })

        it(`rawBody that the host kept: byte for byte (${title})`, async () => {
          const { answer, arrived } = await post(stage(), instance, PRETTY, { entrance: 'rawBody', headers: framing })
          assert.equal(answer.status, 200)
          assert.equal(arrived?.text, PRETTY)
          assert.equal(arrived?.headers['content-length'], String(Buffer.byteLength(PRETTY)))
        })

        it(`express.raw(): byte for byte (${title})`, async () => {
          const { answer, arrived } = await post(stage(), instance, PRETTY, { entrance: 'buffer', headers: framing })
          assert.equal(answer.status, 200)
          assert.equal(arrived?.text, PRETTY)
        })
      }
    }

    it('a patch, which is an array, and a body beyond what is kept for a second try', async () => {
      const patch = JSON.stringify([{ operation: 'replace', field: '/mail', value: 'a@example.com' }])
      const large = JSON.stringify({ text: 'ü'.repeat(200_000) })
      for (const body of [patch, large]) {
        const { arrived } = await post(stage(), 'cloud', body, { entrance: 'json', method: 'PATCH' })
        assert.equal(arrived?.text, body)
      }
    })

    for (const [entrance, type, body] of [
      ['urlencoded', 'application/x-www-form-urlencoded', 'a=1&b=2'],
      ['text', 'text/plain', 'a'],
    ] as const) {
      it(`${type} read by express.${entrance}(): 500 that names the cure, at once`, async () => {
        const { answer } = await post(stage(), 'eu', body, { entrance, headers: { 'content-type': type } })
        assert.match(assertRefused(answer, 500), /mount external-idm before body parsers/)
        assertNothingSeen(stage())
      })
    }

    it('JSON read by express.text(): byte for byte', async () => {
      const { answer, arrived } = await post(stage(), 'eu', PRETTY, { entrance: 'text' })
      assert.equal(answer.status, 200, answer.text)
      assert.equal(arrived?.text, PRETTY)
    })

    it('a compressed body was unpacked by the parser, so it no longer says that it is compressed', async function () {
      if (stage().host.framework === 'http') this.skip()
      const headers = { 'content-encoding': 'gzip' }
      for (const entrance of ['json', 'rawBody', 'buffer'] as const) {
        const { arrived } = await post(stage(), 'eu', gzipSync('{"a":1}'), { entrance, headers })
        assert.equal(arrived?.text, '{"a":1}', entrance)
        assert.equal(arrived?.headers['content-encoding'], undefined, entrance)
      }
    })

    it('a chunked body of no chunks stays empty, and hangs nobody', async () => {
      const headers = { 'transfer-encoding': 'chunked' }
      for (const entrance of ['json', 'rawBody', 'buffer', 'text', 'bare'] as const) {
        for (const instance of ['eu', 'cloud'] as const) {
          const { answer, arrived } = await post(stage(), instance, '', { entrance, headers })
          assert.equal(answer.status, 200, `${entrance} ${answer.text}`)
          assert.equal(arrived?.text, '')
        }
      }
    })

    it('with Expect: 100-continue as well', async () => {
      const headers = { expect: '100-continue' }
      for (const entrance of ['json', 'rawBody', 'bare'] as const) {
        const { arrived } = await post(stage(), 'eu', '{"a":1}', { entrance, headers })
        assert.equal(arrived?.text, '{"a":1}')
      }
    })

    it('what the parser itself refuses stays its business', async () => {
      if (stage().host.framework === 'http') return
      for (const body of ['{"a":', '"text"']) {
        const { answer } = await post(stage(), 'eu', body, { entrance: 'json' })
        assert.equal(answer.status, 400)
      }
      assertNothingSeen(stage())
    })

    it('the log tells the cure, once', async () => {
      const { stderr } = stage().host.process
      await until(() => /mount external-idm before body parsers/.test(stderr))
      assert.equal(stderr.match(/^warn: .*before body parsers/gm)?.length, 1)
    })
  })
}
