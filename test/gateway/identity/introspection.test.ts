import assert from 'node:assert/strict'
import { judge } from '../../../lib/gateway/access/introspection.ts'

const body = (content: unknown): string => JSON.stringify(content)

describe('answer of an introspection endpoint', () => {
  it('is read', () => {
    const content = { active: true, sub: '(age!p)', client_id: 'p', scope: 'fr:idm:* openid', exp: 7 }
    assert.deepEqual(judge({ status: 200, text: body(content) }), {
      active: true,
      subject: '(age!p)',
      clientId: 'p',
      scopes: new Set(['fr:idm:*', 'openid']),
      expiresAt: 7,
    })
    assert.deepEqual(judge({ status: 200, text: body({ active: false, sub: 'x' }) }), { active: false })
    const bare = judge({ status: 200, text: body({ active: true, scope: ['a', 'b'], sub: '' }) })
    assert.deepEqual(bare, {
      active: true,
      subject: undefined,
      clientId: undefined,
      scopes: new Set(['a', 'b']),
      expiresAt: undefined,
    })
  })

  for (const [status, text, fault] of [
    [401, body({ active: true }), /status 401/],
    [302, '', /status 302/],
    [200, '<html>SECRET</html>', /not JSON/],
    [200, '"SECRET"', /has no "active"/],
    [200, body({ active: 'true' }), /has no "active"/],
    [200, '{"__proto__":{"active":true}}', /has no "active"/],
  ] as const) {
    it(`is refused: ${status} ${text}`, () => {
      assert.throws(
        () => judge({ status, text }),
        ({ message }: Error) => fault.test(message) && !message.includes('SECRET'),
      )
    })
  }
})
