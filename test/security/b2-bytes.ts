import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { reply } from '../helpers/behaviours.ts'
import { pattern } from '../helpers/pattern.ts'
import { call, type OnStage } from './caller.ts'

/** JSON that no parser hands back as it was. */
const DELICATE = [
  '{"a":1,"a":2,"big":12345678901234567890,"exp":1.0E+2,"minus":-0}',
  '{"__proto__":{"x":1},"constructor":{"prototype":{}}}',
  ' \t\r\n{ "a" : [ ] } \n',
  '\ufeff{"a":1}',
  '{"lone":"\\ud800","slash":"\\/"}',
  '{"a":1',
  'null',
  '""',
  ' ',
]

export const b2 = (stage: OnStage): void => {
  describe('B2 bodies arrive byte for byte', () => {
    for (const instance of ['eu', 'cloud'] as const) {
      it(`JSON with doubled keys and numbers too big for JavaScript (${instance})`, async () => {
        for (const text of DELICATE) {
          for (const coding of [{}, { 'transfer-encoding': 'chunked' }]) {
            const headers = { 'content-type': 'application/json', ...coding }
            await call(stage(), `${instance}/managed/user`, { method: 'POST', headers, body: text })
            const { last } = stage()[instance]
            assert.equal(last.text, text)
            const framing = last.headers['content-length'] ?? last.headers['transfer-encoding']
            assert.ok(framing === 'chunked' || framing === String(Buffer.byteLength(text)), framing)
          }
        }
      })

      it(`and so do many bytes, in either direction (${instance})`, async () => {
        for (const size of [65_535, 65_536, 65_537, 1_000_003]) {
          const body = pattern(size)
          stage()[instance].answer(reply({ body }))
          for (const framed of [body, Readable.from([body.subarray(0, 10), body.subarray(10)])]) {
            const answer = await call(stage(), `${instance}/managed/user`, { method: 'PUT', body: framed })
            assert.equal(stage()[instance].last.sha256, createHash('sha256').update(body).digest('hex'))
            assert.ok(answer.body.equals(body))
          }
        }
      })
    }
  })
}
