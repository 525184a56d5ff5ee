import assert from 'node:assert/strict'
import { resetBeforeHeaders } from '../helpers/faults.ts'
import { until } from '../helpers/until.ts'
import { call, callHost, type OnStage } from './caller.ts'

export const p6 = (stage: OnStage): void => {
  describe('P6 nothing is expected of the framework', () => {
    it('a request without body, length and type is one', async () => {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'GET', 'HEAD']) {
        for (const entrance of ['bare', 'json', 'urlencoded'] as const) {
          assert.equal((await call(stage(), 'eu/managed/user/u1', { method, entrance })).status, 200, method)
          assert.equal(stage().eu.last.method, method)
          assert.equal(stage().eu.last.bodyLength, 0)
        }
      }
    })

    it('a query that a parser would choke on, or turn into something else', async () => {
      for (const query of [
        'a[b][c]=d&__proto__[x]=1',
        'a=%',
        '%ff=%ff',
        'a=1&a=2',
        '_queryFilter=true&constructor=x',
      ]) {
        assert.equal((await call(stage(), `eu/managed/user?${query}`, { entrance: 'urlencoded' })).status, 200)
        assert.equal(stage().eu.last.url, `/r1/openidm/managed/user?${query}`)
      }
    })
  })

  describe('the host’s other routes', () => {
    it('before and after ours keep working, and see the path as it came', async () => {
      assert.deepEqual((await callHost(stage(), '/openidm/info/ping')).json, { host: 'before' })
      for (const url of [
        '/',
        '/openidm',
        '/openidm/',
        '/openidm/managed/user?_queryFilter=true',
        '/openidm/external',
        '/openidm/external/',
        '/openidm/external/idmx/eu/x',
        '/openidm/external/id',
        '/openidm/external/email?_action=send',
        '/openidm/config/external.idm/eu',
        '/openidm/a/external/idm/eu/x',
        '/other/external/idm/eu/x',
        '/openidmx/external/idm/eu/x',
      ])
        assert.deepEqual((await callHost(stage(), url)).json, { host: 'after', url })
    })

    it('and its access log find the caller’s headers when the response has ended', async () => {
      stage().us.answer(resetBeforeHeaders())
      for (const instance of ['eu', 'cloud', 'us', 'nobody'])
        await call(stage(), `${instance}/noted`, { headers: { 'user-agent': 'caller/1' } })
      for (const instance of ['eu', 'cloud', 'us', 'nobody'])
        await until(() => stage().host.process.stderr.includes(`${instance}/noted "caller/1"`))
    })

    it('get the body of their requests', async () => {
      const options = { method: 'POST', json: { a: 1 } }
      const answer = await callHost(stage(), '/openidm/managed/user', { ...options, entrance: 'json' })
      assert.equal(answer.status, 404)
      assert.deepEqual(answer.json, { host: 'after', url: '/openidm/managed/user' })
    })
  })
}
