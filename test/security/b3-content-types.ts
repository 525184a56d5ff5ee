import assert from 'node:assert/strict'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { reply } from '../helpers/behaviours.ts'
import { call, type OnStage } from './caller.ts'

const MULTIPART = [
  '--b',
  'Content-Disposition: form-data; name="a"',
  '',
  '1\r\n--b--x\r\n\r\n--c',
  '--b',
  'Content-Disposition: form-data; name="f"; filename="..\\..\\x"',
  'Content-Type: application/json',
  '',
  '{"a":1}',
  '--b--',
  'epilogue',
].join('\r\n')

const BODIES: readonly (readonly [string | undefined, string | Buffer])[] = [
  ['multipart/form-data; boundary=b', MULTIPART],
  ['multipart/form-data; boundary="b\\"; x"', MULTIPART],
  ['multipart/form-data', MULTIPART],
  ['multipart/mixed; boundary=b', MULTIPART],
  ['application/octet-stream', Buffer.from([0, 255, 13, 10, 0x80])],
  ['text/csv; charset=utf-16', Buffer.from('\ufeffa;b\r\n', 'utf16le')],
  ['application/xml', '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>'],
  ['application/x-www-form-urlencoded', 'a=1&a=2&b[c]=%ZZ'],
  ['APPLICATION/VND.CUSTOM', 'x'],
  ['a', 'x'],
  [';;=', 'x'],
  [undefined, '{"a":1}'],
]

export const b3 = (stage: OnStage): void => {
  describe('B3 content types are not read', () => {
    for (const [instance, entrance] of [
      ['eu', 'bare'],
      ['eu', 'json'],
      ['cloud', 'bare'],
    ] as const) {
      it(`${BODIES.length} kinds arrive untouched at ${instance} (${entrance})`, async () => {
        for (const [type, body] of BODIES) {
          const headers = type === undefined ? {} : { 'content-type': type }
          await call(stage(), `${instance}/upload`, { method: 'POST', headers, body, entrance })
          const { last } = stage()[instance]
          assert.deepEqual(last.body, Buffer.from(body))
          assert.equal(last.headers['content-type'], type)
        }
      })
    }

    it('compressed bodies stay compressed in either direction, and are nobody’s bomb', async () => {
      const bomb = gzipSync(Buffer.alloc(20_000_000))
      for (const [coding, body] of [
        ['gzip', bomb],
        ['br', brotliCompressSync('{"a":1}')],
        ['gzip, gzip, gzip, gzip, gzip, gzip, gzip', bomb],
        ['unknown', Buffer.from('x')],
      ] as const) {
        const headers = { 'content-encoding': coding, 'content-type': 'application/json' }
        stage().eu.answer(reply({ headers, body }))
        const answer = await call(stage(), 'eu/managed/user', { method: 'POST', headers, body })
        const { last } = stage().eu
        assert.deepEqual(last.body, body)
        assert.equal(last.headers['content-encoding'], coding)
        assert.deepEqual(answer.body, body)
        assert.equal(answer.headers['content-encoding'], coding)
      }
    })
  })
}
