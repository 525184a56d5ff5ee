import assert from 'node:assert/strict'
import { startRemote } from '../helpers/remote.ts'
import { basicOf, startIdm } from './mounted.ts'

/** What tools ask a remote for besides its resources. */
describe('through the proxy', () => {
  const start = async () => {
    const remote = await startRemote()
    const idm = await startIdm({ eu: basicOf(remote) })
    return { remote, call: idm.call }
  }

  for (const query of ['_api', '_crestapi', '_api&x=y'])
    it(`eu/?${query} is the root of the remote`, async () => {
      const { remote, call } = await start()
      assert.equal((await call(`eu/?${query}`)).status, 200)
      assert.deepEqual(
        remote.requests.map(({ method, url }) => [method, url]),
        [['GET', `/openidm/?${query}`]],
      )
    })

  const NOT_ROOT: [method: string, path: string][] = [
    ['GET', 'eu/'],
    ['GET', 'eu/?_apis'],
    ['GET', 'eu/?x=_api'],
    ['POST', 'eu/?_api'],
    ['DELETE', 'eu/?_api'],
  ]
  for (const [method, path] of NOT_ROOT)
    it(`${method} ${path} is not asked of the remote`, async () => {
      const { remote, call } = await start()
      assert.equal((await call(path, { method })).status, 404)
      assert.deepEqual(remote.requests, [])
    })

  it('the password of a reauthentication reaches the remote, and the caller’s own does not', async () => {
    const { remote, call } = await start()
    const headers = { 'x-openidm-reauth-password': 're4uth', 'x-openidm-password': 'mine' }
    await call('eu/authentication?_action=reauthenticate', { method: 'POST', headers })
    await call('eu/managed/user?_action=reauthenticate', { method: 'POST', headers })
    const seen = remote.requests.map((request) => request.headers)
    assert.deepEqual(
      seen.map((header) => header['x-openidm-reauth-password']),
      ['re4uth', undefined],
    )
    assert.ok(seen.every((header) => header['x-openidm-password'] !== 'mine'))
  })
})
