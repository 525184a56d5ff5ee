import assert from 'node:assert/strict'
import { garbage, resetBeforeHeaders } from '../helpers/faults.ts'
import { startRemote } from '../helpers/remote.ts'
import { assertRefused, CALLERS_OWN, call, type OnStage, withInstance } from './caller.ts'
import { basicOf } from './stage.ts'

/** All that a remote may see, whatever a caller sends; the hook of the proxy adds the first three. */
const ALLOWED = new Set([
  'authorization',
  'x-requested-with',
  'x-openidm-nosession',
  'accept',
  'accept-api-version',
  'accept-encoding',
  'accept-language',
  'connection',
  'content-encoding',
  'content-language',
  'content-length',
  'content-type',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
  'transfer-encoding',
  'user-agent',
  'via',
  'x-forwarded-for',
  'x-forwarded-proto',
])

/** Comes last: it judges what all other tests have made reach a remote. */
export const h10 = (stage: OnStage): void => {
  describe('H10 the hooks of the proxy work as shipped', () => {
    it('errors have a listener: a remote that breaks off does not end the application', async () => {
      for (const broken of [garbage(), resetBeforeHeaders()]) {
        stage().eu.answer(broken)
        const answer = await call(stage(), 'eu/managed/user', { method: 'POST', headers: CALLERS_OWN, json: {} })
        assertRefused(answer, 502)
        assert.doesNotMatch(answer.text, /127\.0\.0\.1|ECONN|HPE|example\.com/)
      }
    })

    it('and one that is not there gets 502 in IDM’s terms, which name neither host nor port', async () => {
      const gone = await startRemote({ hostName: 'idm.gone.example.com' })
      await withInstance(stage(), 'gone', { instanceUrl: gone.url })
      const { port } = gone
      await gone.close()
      const answer = await call(stage(), 'gone/managed/user')
      assert.match(assertRefused(answer, 502), /instance "gone": it refused the connection/)
      assert.doesNotMatch(answer.text, new RegExp(`127\\.0\\.0\\.1|ECONN|gone\\.example|${port}`))
    })

    it('every request of all tests carried the credentials of its instance, and nothing that is not allowed', () => {
      const { history, tokens } = stage()
      assert.ok(history.length > 300, `${history.length} requests`)
      for (const { instance, request } of history) {
        const [authorization = '', ...others] = request.raw('authorization')
        assert.deepEqual(others, [])
        if (instance === 'cloud') assert.ok(tokens.accepts(authorization), authorization)
        else assert.equal(authorization, basicOf(instance))
        assert.deepEqual(request.raw('x-requested-with'), ['RemoteIDMProxy'])
        assert.deepEqual(request.raw('x-openidm-nosession'), ['true'])
        const names = Object.keys(request.headers)
        assert.deepEqual(
          names.filter((name) => !ALLOWED.has(name)),
          [],
        )
        assert.equal(names.length * 2, request.rawHeaders.length, `no header twice: ${request.rawHeaders.join(' | ')}`)
        assert.ok(request.url.startsWith('/r1/openidm/'), request.url)
      }
    })

    it('and nothing was left unhandled', () => {
      const { stderr } = stage().host.process
      assert.doesNotMatch(stderr, /unhandled|uncaught|TypeError|MaxListeners|ERR_/i)
    })
  })
}
