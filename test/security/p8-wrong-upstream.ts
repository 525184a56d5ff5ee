import assert from 'node:assert/strict'
import { DEFAULT_CLIENT } from '../helpers/token-server.ts'
import { assertRefused, call, callHost, type OnStage, withInstance } from './caller.ts'
import { basicOf } from './stage.ts'

export const p8 = (stage: OnStage): void => {
  describe('P8 no request goes to the wrong remote', () => {
    it('however much the names look like one another, or like members of an object', async () => {
      const { us } = stage()
      const properties = { instanceUrl: us.url, userName: 'svc-us', password: 'pw-us' }
      for (const name of ['EU', 'eu-', 'eu_us', 'constructor', 'toString', 'hasOwnProperty', '0']) {
        assertRefused(await call(stage(), `${name}/x`), 404)
        await withInstance(stage(), name, properties)
        assert.equal((await call(stage(), `${name}/x`)).status, 200)
      }
      assert.equal(stage().eu.requests.length, 0)
      assert.equal(us.requests.length, 7)
      for (const name of ['__proto__', 'prototype', 'valueOf', 'isPrototypeOf', 'EU_US', 'e', 'eu-us'])
        assertRefused(await call(stage(), `${name}/x`), 404)
    })

    it('also when many ask at once', async () => {
      const { eu, us, tls, cloud } = stage()
      const names = ['eu', 'us', 'tls', 'cloud'] as const
      const calls = Array.from({ length: 100 }, (_, index) => {
        const name = names[index % names.length] ?? 'eu'
        return call(stage(), `${name}/of/${name}/${index}`)
      })
      for (const { status } of await Promise.all(calls)) assert.equal(status, 200)
      for (const [name, remote] of Object.entries({ eu, us, tls, cloud })) {
        assert.equal(remote.requests.length, 25)
        for (const { url, raw, headers } of remote.requests.map((request) => ({
          url: request.url,
          headers: request.headers,
          raw: request.raw('authorization'),
        }))) {
          assert.match(url, new RegExp(`^/r1/openidm/of/${name}/`))
          assert.equal(headers.host, `idm.${name}.example.com:${remote.port}`)
          if (name !== 'cloud') assert.deepEqual(raw, [basicOf(name)])
        }
      }
    })

    it('nor with the token of another instance', async () => {
      const { us, tokens } = stage()
      const bearer = {
        authType: 'bearer',
        instanceUrl: us.url,
        clientId: DEFAULT_CLIENT.id,
        clientSecret: DEFAULT_CLIENT.secret,
        tokenEndpoint: tokens.tokenEndpoint,
        tokenEndpointAuthMethod: 'client_secret_post',
      }
      await withInstance(stage(), 'twin-a', { ...bearer, scope: ['fr:idm:*'] })
      await withInstance(stage(), 'twin-b', { ...bearer, scope: ['fr:idm:*'] })
      for (const name of ['twin-a', 'twin-b', 'twin-a', 'cloud']) await call(stage(), `${name}/x`)
      const sent = [...us.requests, ...stage().cloud.requests].map(({ headers }) => headers.authorization)
      assert.equal(new Set(sent).size, 3, 'one token for each instance')
      assert.equal(sent[0], sent[2])
      us.requests.splice(0)
      assert.equal((await callHost(stage(), '/openidm/info/ping')).status, 200)
    })
  })
}
