import assert from 'node:assert/strict'
import { redirect, reply } from '../helpers/behaviours.ts'
import { call, MOUNT, type OnStage, seen } from './caller.ts'

const LOCAL = `${MOUNT}eu/`

export const h6 = (stage: OnStage): void => {
  describe('H6 Location', () => {
    const origin = () => new URL(stage().eu.origin)
    const at = (path: string) => `${origin().origin}${path}`
    const locationOf = async (location: string, status = 201) => {
      stage().eu.answer(reply({ status, headers: { location } }))
      return (await call(stage(), 'eu/managed/user/x')).headers.location
    }

    it('at the remote becomes the local address', async () => {
      const { host } = origin()
      assert.equal(await locationOf(at('/r1/openidm/managed/user/u1')), `${LOCAL}managed/user/u1`)
      assert.equal(await locationOf(at('/r1/openidm/a%2Fb?_fields=x+y&z=%2B')), `${LOCAL}a%2Fb?_fields=x+y&z=%2B`)
      assert.equal(await locationOf('/r1/openidm/managed/user/u1'), `${LOCAL}managed/user/u1`)
      assert.equal(await locationOf('u1'), `${LOCAL}managed/user/u1`)
      assert.equal(await locationOf('../role/r1'), `${LOCAL}managed/role/r1`)
      assert.equal(await locationOf(`//${host}/r1/openidm/x`), `${LOCAL}x`)
      assert.equal(
        await locationOf(at('/r1/openidm/x').toUpperCase().replace('/R1/OPENIDM', '/r1/openidm')),
        `${LOCAL}X`,
      )
      assert.equal(await locationOf(`http://svc-eu:pw-eu@${host}/r1/openidm/x`), `${LOCAL}x`)
    })

    it('on another path of the remote is absolute, and never taken for one below the instance', async () => {
      for (const location of [
        '/admin',
        at('/admin'),
        at('/r1/openidm/../../admin'),
        at('/r1/openidm/%2e%2e/%2e%2e/admin'),
        at('/r1/openidm/.%2E/%2e./admin'),
        at('/r1/openidm\\..\\..\\admin'),
        '../../../../admin',
        `http://svc-eu:pw-eu@${origin().host}/admin`,
      ])
        assert.equal(await locationOf(location), at('/admin'), location)
      assert.equal(await locationOf('/r1/openidm-other/x'), at('/r1/openidm-other/x'))
      assert.equal(await locationOf('/R1/OPENIDM/x'), at('/R1/OPENIDM/x'))
    })

    it('of somebody else stays, when it is one for a browser', async () => {
      assert.equal(await locationOf('https://am.example.org/login?a=b#c', 302), 'https://am.example.org/login?a=b#c')
      assert.equal(await locationOf('//am.example.org/login', 302), 'http://am.example.org/login')
      assert.equal(await locationOf('https://svc:pw@am.example.org/login', 302), 'https://am.example.org/login')
      assert.equal(await locationOf('//svc@am.example.org/x', 302), 'http://am.example.org/x')
      for (const location of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'http://[', 'http://'])
        assert.equal(await locationOf(location, 302), undefined, location)
    })

    it('is never followed with the credentials', async () => {
      for (const status of [301, 302, 303, 307, 308]) {
        stage().eu.answer(redirect(`${stage().us.url}managed/user`, status))
        const answer = await call(stage(), 'eu/managed/user/u1', { method: 'POST', json: {} })
        assert.equal(answer.status, status)
      }
      assert.deepEqual(new Set(seen(stage()).map(({ url }) => url)), new Set(['/r1/openidm/managed/user/u1']))
      assert.equal(stage().us.requests.length, 0)
    })
  })
}
