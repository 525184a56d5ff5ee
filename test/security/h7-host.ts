import assert from 'node:assert/strict'
import { callRaw, MOUNT, type OnStage, seen } from './caller.ts'

export const h7 = (stage: OnStage): void => {
  describe('H7 Host does not choose the remote', () => {
    const attack = async (...lines: string[]) => {
      const { response } = await callRaw(stage(), [...lines, '', ''].join('\r\n'))
      for (const { headers, url } of seen(stage())) {
        assert.equal(headers.host, `idm.eu.example.com:${stage().eu.port}`)
        assert.equal(url, '/r1/openidm/info/ping')
      }
      assert.equal(stage().us.requests.length + stage().tls.requests.length, 0)
      return response.status
    }
    const line = `GET ${MOUNT}eu/info/ping HTTP/1.1`

    it('whatever it says', async () => {
      const { us } = stage()
      const hosts = [
        `idm.us.example.com:${us.port}`,
        `127.0.0.1:${us.port}`,
        'evil.example',
        'us',
        '[::1]:80',
        'a b',
        '',
      ]
      for (const host of hosts) assert.ok([200, 400].includes(await attack(line, `Host: ${host}`)), host)
      assert.ok(stage().eu.requests.length >= 5)
    })

    it('nor do its many relatives', async () => {
      const host = `idm.us.example.com:${stage().us.port}`
      for (const name of [
        'X-Forwarded-Host',
        'X-Host',
        'X-Original-Host',
        'Forwarded',
        'X-Forwarded-Server',
        ':authority',
      ])
        assert.ok([200, 400].includes(await attack(line, 'Host: gateway', `${name}: ${host}`)), name)
      assert.ok([200, 400].includes(await attack(line, 'Host: gateway', `Host: ${host}`)))
    })

    it('nor does the absolute form of the request target', async () => {
      const { us } = stage()
      for (const origin of [`http://idm.us.example.com:${us.port}`, 'http://gateway', `https://127.0.0.1:${us.port}`])
        assert.notEqual(await attack(`GET ${origin}${MOUNT}eu/info/ping HTTP/1.1`, 'Host: gateway'), 500)
    })

    it('is needed in HTTP/1.1, and not in HTTP/1.0', async () => {
      assert.equal(await attack(line), 400)
      assert.equal(await attack(line.replace('1.1', '1.0')), 200)
    })
  })
}
