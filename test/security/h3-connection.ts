import assert from 'node:assert/strict'
import { rawAnswer } from '../helpers/faults.ts'
import { assertNothingSeen, assertRefused, callRaw, MOUNT, type OnStage, wire } from './caller.ts'
import { basicOf } from './stage.ts'

const CREDENTIALS = 'authorization, x-requested-with, x-openidm-nosession'

export const h3 = (stage: OnStage): void => {
  describe('H3 Connection names the headers of the proxy', () => {
    for (const lines of [
      [`Connection: ${CREDENTIALS}`],
      [`Connection: keep-alive, ${CREDENTIALS}, host, content-length`],
      ['Connection: Authorization', 'Connection: X-Requested-With', 'connection:x-openidm-nosession'],
      [`Connection: ${CREDENTIALS.toUpperCase()}`, 'Authorization: Basic caller'],
      ['Connection: close, content-length'],
      ['Connection: If-Match', 'If-Match: "1"'],
    ]) {
      it(`${lines.join(' | ')} is refused`, async () => {
        const request = wire(`POST ${MOUNT}eu/managed/user`, [...lines, 'Content-Length: 2'], '{}')
        assertRefused((await callRaw(stage(), request)).response, 400)
        assertNothingSeen(stage())
      })
    }

    for (const lines of [
      [`Proxy-Connection: ${CREDENTIALS}`, `Keep-Alive: ${CREDENTIALS}`],
      ['Connection: x-custom'],
    ]) {
      it(lines.join(' | '), async () => {
        const request = wire(`POST ${MOUNT}eu/managed/user`, [...lines, 'Content-Length: 2'], '{}')
        const { response } = await callRaw(stage(), request)
        assert.equal(response.status, 200)
        const { last } = stage().eu
        assert.deepEqual(last.raw('authorization'), [basicOf('eu')])
        assert.deepEqual(last.raw('x-requested-with'), ['RemoteIDMProxy'])
        assert.deepEqual(last.raw('x-openidm-nosession'), ['true'])
        assert.match(last.raw('connection').join(), /^(keep-alive|close)$/)
        assert.equal(last.text, '{}')
      })
    }

    it('passes no hop-by-hop header on, whichever way it is named', async () => {
      const hopByHop = ['TE: trailers', 'Trailer: X-Sum', 'Keep-Alive: timeout=5', 'Proxy-Authenticate: Basic']
      const named = ['Connection: x-custom, accept-language', 'X-Custom: 1', 'Accept-Language: de']
      await callRaw(stage(), wire(`GET ${MOUNT}eu/managed/user/u1`, [...hopByHop, ...named]))
      const { last } = stage().eu
      for (const name of ['te', 'trailer', 'keep-alive', 'proxy-authenticate', 'x-custom', 'accept-language'])
        assert.deepEqual(last.raw(name), [], name)
    })

    it('takes the same names from a remote for its own hop (R13)', async () => {
      const head = ['HTTP/1.1 200 OK', 'Connection: close, etag', 'Keep-Alive: timeout=1', 'Proxy-Authenticate: Basic']
      const fields = ['ETag: "hop"', 'Content-Type: text/plain', 'Content-Length: 2', '', 'ok']
      stage().eu.answer(rawAnswer([...head, ...fields].join('\r\n')))
      const { response, ended } = await callRaw(stage(), wire(`GET ${MOUNT}eu/managed/user/u1`))
      assert.equal(response.text, 'ok')
      assert.equal(ended, false, 'the connection of the caller stays')
      assert.equal(response.header('connection') ?? 'keep-alive', 'keep-alive')
      for (const name of ['etag', 'proxy-authenticate']) assert.deepEqual(response.all(name), [], name)
    })
  })
}
