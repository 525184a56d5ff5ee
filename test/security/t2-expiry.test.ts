import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { guarded, reply, unauthorized } from '../helpers/behaviours.ts'
import type { CallOptions } from '../helpers/http.ts'
import { pattern } from '../helpers/pattern.ts'
import { startTokenServer, withoutExpiresIn } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'

const KEPT = 65_536
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

async function startGuarded(lifetime = 3600) {
  const tokens = await startTokenServer({ lifetime })
  const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
  const idm = await startIdm({ eu: bearerOf(remote, tokens) })
  return { tokens, remote, idm }
}

describe('T2 expiry of tokens', () => {
  it('a token of few seconds is good at birth, renewed before its end, and never used after it', async () => {
    const { tokens, remote, idm } = await startGuarded(3)
    for (let count = 0; count < 5; count++) assert.equal((await idm.call('eu/x')).status, 200)
    assert.equal(tokens.requests.length, 1)
    await until(async () => {
      assert.equal((await idm.call('eu/x')).status, 200)
      return tokens.requests.length > 1
    })
    const used = new Set(remote.requests.map(({ headers }) => headers.authorization))
    assert.equal(used.size, 2)
    assert.ok(remote.requests.every(({ answered }) => answered))
  })

  it('a grant without expires_in is kept, too', async () => {
    const { tokens, idm } = await startGuarded()
    tokens.rewrite = withoutExpiresIn
    for (let count = 0; count < 3; count++) assert.equal((await idm.call('eu/x')).status, 200)
    assert.equal(tokens.requests.length, 1)
  })

  describe('a token that the remote refuses is dropped, and the request sent once more', () => {
    const body = pattern(KEPT)
    const CALLS: [title: string, options: CallOptions][] = [
      ['GET', {}],
      ['HEAD', { method: 'HEAD' }],
      ['DELETE', { method: 'DELETE' }],
      ['POST of nothing', { method: 'POST' }],
      ['POST of 64 KB', { method: 'POST', body }],
      ['PUT of 64 KB in chunks', { method: 'PUT', body: Readable.from([body.subarray(0, 1000), body.subarray(1000)]) }],
      ['PATCH of a few bytes', { method: 'PATCH', body: Buffer.from([0, 255, 10, 13]) }],
    ]
    for (const [title, options] of CALLS) {
      it(title, async () => {
        const { tokens, remote, idm } = await startGuarded()
        await idm.call('eu/warm')
        tokens.store.revoke()
        const answer = await idm.call('eu/managed/user/a%2Fb?_fields=x+y', options)
        assert.equal(answer.status, 200)
        assert.equal(tokens.requests.length, 2)
        const [refused, accepted, ...more] = remote.requests.slice(1)
        assert.deepEqual(more, [])
        assert.notEqual(refused?.headers.authorization, accepted?.headers.authorization)
        const sent = Buffer.isBuffer(options.body) ? options.body : title.startsWith('PUT') ? body : Buffer.alloc(0)
        for (const request of [refused, accepted]) {
          assert.equal(request?.url, '/openidm/managed/user/a%2Fb?_fields=x+y')
          assert.equal(request.method, options.method ?? 'GET')
          assert.equal(request.bodyLength, sent.length)
          assert.equal(request.sha256, sha256(sent))
        }
      })
    }
  })

  describe('a body of more than 64 KB is not sent again, but the token is dropped', () => {
    const body = pattern(KEPT + 1)
    const CALLS: [title: string, body: () => Buffer | Readable][] = [
      ['declared', () => body],
      ['in chunks', () => Readable.from([body.subarray(0, KEPT), body.subarray(KEPT)])],
    ]
    for (const [title, make] of CALLS) {
      it(title, async () => {
        const { tokens, remote, idm } = await startGuarded()
        await idm.call('eu/warm')
        tokens.store.revoke()
        const answer = await idm.call('eu/managed/user', { method: 'POST', body: make() })
        assert.equal(answer.status, 401)
        assert.equal(remote.requests.length, 2)
        assert.equal((await idm.call('eu/next')).status, 200)
        assert.equal(tokens.requests.length, 2)
        assert.equal((await idm.call('eu/managed/user', { method: 'POST', body: make() })).status, 200)
        assert.equal(remote.last.sha256, sha256(body))
      })
    }
  })

  it('a remote that refuses every token is asked twice, no more', async () => {
    const { tokens, remote, idm } = await startGuarded()
    remote.answer(unauthorized())
    const answer = await idm.call('eu/x')
    assert.deepEqual(answer.json, {
      code: 401,
      reason: 'Unauthorized',
      message:
        'Remote instance "eu": it refused the credentials of its configuration; check clientId and the static user mapping',
    })
    assert.equal(answer.headers['www-authenticate'], undefined)
    assert.equal(remote.requests.length, 2)
    assert.equal(tokens.requests.length, 2)
  })

  it('a password is not sent again', async () => {
    const remote = await startTlsRemote({ behaviour: unauthorized() })
    const idm = await startIdm({ eu: basicOf(remote) })
    assert.equal((await idm.call('eu/x')).status, 401)
    assert.equal(remote.requests.length, 1)
  })
})
