import assert from 'node:assert/strict'
import { assertNothingSeen, assertRefused, callRaw, MOUNT, type OnStage, wire } from './caller.ts'

/** Each leaves the base path for some reader: plain, encoded, encoded upon itself, with parameters, for Windows. */
const DOT_DOTS = [
  '..',
  '%2e%2e',
  '%2E%2e',
  '.%2e',
  '%2e.',
  '%252e%252e',
  '.%252e',
  '%25%32%65%25%32%65',
  '%25252e%25252e',
  '%252525252525252e.',
  '..;',
  '..;a=b',
  '..%3b',
  '%2e%2e;x',
  '..%253b',
]

const ATTACKS = [
  ...DOT_DOTS.flatMap((dots) => [
    `${dots}/admin`,
    `${dots}/${dots}/admin`,
    `managed/${dots}/${dots}/admin`,
    `managed/user/${dots}`,
    `managed/user/${dots}/`,
    `managed/user/${dots}?_queryFilter=true`,
  ]),
  'managed/user/.',
  './managed/user',
  '%2e/managed',
  '..%2fadmin',
  '..%2Fadmin',
  '%2e%2e%2fadmin',
  '..%252fadmin',
  'managed%2f..%2f..%2fadmin',
  'managed/user/u1%2f..',
  '..\\admin',
  'managed\\..\\..\\admin',
  'managed%5c..%5c..%5cadmin',
  '..%5cadmin',
  '..%255cadmin',
  'a\\b',
  'managed/user/%00',
  'managed/user/u1%00.json',
  '%2500',
  'managed/%',
  'managed/%2',
  'managed/%zz',
  'managed/%u002e%u002e/admin',
  'managed/%%32%65',
  'managed/user#/../../admin',
  'managed/user/u1#',
  '#',
  '/admin',
  '//evil.example/admin',
  'managed//user',
  'managed/user//',
  `managed/%${'25'.repeat(20)}2e./admin`,
  '..%23/admin',
  '..%3Fx',
  '%2e%2e%253fx/admin',
]

export const p1 = (stage: OnStage): void => {
  describe('P1 segments that leave the base path', () => {
    it(`${ATTACKS.length} of them are refused with 400, and the remote is not asked`, async () => {
      const connection = ATTACKS.map((path) => wire(`GET ${MOUNT}eu/${path}`))
      const { responses } = await callRaw(stage(), connection, { responses: ATTACKS.length })
      assert.equal(responses.length, ATTACKS.length)
      for (const [index, response] of responses.entries()) {
        try {
          assertRefused(response, 400)
        } catch (cause) {
          throw new Error(`${ATTACKS[index]} was not refused`, { cause })
        }
      }
      assertNothingSeen(stage())
    })

    it('and so they are with a body, through the token, and by a lenient parser', async () => {
      for (const path of ['../admin', '%2e%2e/admin', '%252e%252e/admin', '..;/admin', 'a\\..\\b']) {
        for (const instance of ['eu', 'cloud', 'tls']) {
          const request = wire(`POST ${MOUNT}${instance}/${path}`, ['Content-Length: 2'], '{}')
          assertRefused((await callRaw(stage(), request)).response, 400)
          assertRefused((await callRaw(stage(), request, { entrance: 'lenient' })).response, 400)
        }
      }
      assertNothingSeen(stage())
    })

    it('bytes that have no place in a request line are refused by the parser or by us', async () => {
      for (const byte of ['\0', '\t', '\x01', '\x7f', '\x0b', '\r', '\xff', '\xc0\xae\xc0\xae/']) {
        for (const entrance of ['bare', 'lenient'] as const) {
          const { response } = await callRaw(stage(), wire(`GET ${MOUNT}eu/managed/${byte}x`), { entrance })
          assert.equal(response.status, 400, JSON.stringify(byte))
        }
      }
      assertNothingSeen(stage())
    })

    it('dot segments in front of the instance lead nowhere', async () => {
      for (const path of [
        '/openidm/../openidm/external/idm/eu/x',
        '/openidm/external/../external/idm/eu/x',
        '/openidm/external/idm/../idm/eu/x',
        '/openidm/external/idm/./eu/x',
        '/openidm/external/idm/us/../eu/x',
        '/openidm/external/idm/nobody/../eu/x',
        '/openidm/external/idm/%2e%2e/idm/eu/x',
        '/openidm/external/idm/..%2fidm/eu/x',
        '/openidm/./external/idm/eu/x',
      ]) {
        const { response } = await callRaw(stage(), wire(`GET ${path}`))
        assert.ok([400, 404].includes(response.status), `${path} ${response.status}`)
      }
      assertNothingSeen(stage())
    })
  })
}
