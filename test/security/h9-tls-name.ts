import assert from 'node:assert/strict'
import { testPki } from '../helpers/pki.ts'
import { startRemote } from '../helpers/remote.ts'
import { assertRefused, call, callRaw, MOUNT, type OnStage, wire, withInstance } from './caller.ts'

export const h9 = (stage: OnStage): void => {
  describe('H9 the name in the TLS handshake', () => {
    it('is the configured one, whatever Host the caller sends', async () => {
      for (const host of [
        'evil.example',
        'localhost',
        '127.0.0.1',
        'idm.us.example.com',
        'idm.tls.example.com.evil.example',
      ]) {
        // A connection of its own for each, so that each makes a handshake.
        stage().tls.answer(({ response }) => response.setHeader('connection', 'close').end('{}'))
        const { response } = await callRaw(
          stage(),
          wire(`GET ${MOUNT}tls/info/ping`).replace('gateway.example.com', host),
        )
        assert.equal(response.status, 200, response.text)
        assert.equal(stage().tls.last.serverName, 'idm.tls.example.com')
        assert.equal(stage().tls.last.headers.host, `idm.tls.example.com:${stage().tls.port}`)
      }
      assert.equal(stage().tls.requests.length, 5)
    })

    it('is checked: a certificate for the name that the caller sends does not do', async () => {
      const wrong = await startRemote({
        tls: await (await testPki()).server('other.example.com'),
        hostName: 'idm.wrong.example.com',
      })
      await withInstance(stage(), 'wrong', { instanceUrl: wrong.url })
      const request = wire(`GET ${MOUNT}wrong/info/ping`).replace('gateway.example.com', 'other.example.com')
      const { response } = await callRaw(stage(), request)
      assert.match(assertRefused(response, 502), /issued for another host name/)
      assert.equal(wrong.requests.length, 0)
    })

    it('and so is the authority', async () => {
      const stranger = await startRemote({
        tls: await (await testPki()).unknown('idm.stranger.example.com'),
        hostName: 'idm.stranger.example.com',
      })
      await withInstance(stage(), 'stranger', { instanceUrl: stranger.url })
      const answer = await call(stage(), 'stranger/info/ping')
      assert.match(assertRefused(answer, 502), /not trusted/)
      assert.equal(stranger.requests.length, 0)
    })
  })
}
