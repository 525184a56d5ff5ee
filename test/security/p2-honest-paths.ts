import assert from 'node:assert/strict'
import { callRaw, MOUNT, type OnStage, wire } from './caller.ts'

/** Each is somebody's id, file or filter, and has to arrive byte for byte. */
const HONEST = [
  'managed/user/...',
  'managed/user/....',
  'managed/user/..a',
  'managed/user/a..',
  'managed/user/a..b',
  'managed/user/.hidden',
  'managed/user/...;a',
  'managed/user/a%2Fb',
  'managed/user/a%2fb%2Fc',
  'managed/user/a%20b',
  'managed/user/a+b',
  'managed/user/a%2Bb',
  'managed/user/%C3%BC%E2%82%AC%F0%9F%98%80',
  'managed/user/%FF',
  'managed/user/100%25',
  'managed/user/%2525',
  'managed/user/a%23b',
  'managed/user/a%3Fb',
  'managed/user/a;v=1',
  'managed/user/a,b:c@d!$&()*=~_-',
  "managed/user/o'neil",
  'managed/user/a|b"c<d>e`f{g}h^i[j]',
  'managed/user/',
  'managed/user/u1/',
  'system/ldap/account/cn%3Dbo%2Cdc%3Dexample',
  'managed/user?_queryFilter=userName+eq+%22../../x%22',
  'managed/user?_queryFilter=/a/../b+pr',
  'managed/user?a=..;/&b=\\..\\&c=%2e%2e/&d=%00&e=%zz&f=%',
  'managed/user?',
  'managed/user??a=b?c',
  'managed/user?_fields=*&_fields=*_ref/*&_fields=mail',
  'managed/user?_queryFilter=name+co+%C3%BC+or+x+eq+"a|b{c}^`"',
  'managed/user?a=b#c',
  'managed/user?x=1&x=2&&=&y',
  'managed/user?url=http://evil.example//..',
  `managed/user?_queryFilter=${'a'.repeat(7000)}`,
  `managed/${Array.from({ length: 300 }, (_, index) => index).join('/')}`,
]

export const p2 = (stage: OnStage): void => {
  describe('P2 honest paths and queries', () => {
    for (const instance of ['eu', 'cloud'] as const) {
      it(`${HONEST.length} of them arrive at ${instance} byte for byte`, async () => {
        const requests = HONEST.map((path) => wire(`GET ${MOUNT}${instance}/${path}`))
        const { responses } = await callRaw(stage(), requests, { responses: HONEST.length })
        assert.deepEqual(
          responses.map(({ status }) => status),
          HONEST.map(() => 200),
        )
        assert.deepEqual(
          stage()
            [instance].requests.map(({ url }) => url)
            .sort(),
          HONEST.map((path) => `/r1/openidm/${path}`).sort(),
        )
      })
    }
  })
}
