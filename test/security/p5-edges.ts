import assert from 'node:assert/strict'
import { assertNothingSeen, assertRefused, call, callHost, type OnStage, withInstance } from './caller.ts'

export const p5 = (stage: OnStage): void => {
  describe('P5 where the mount ends and the remote’s path begins', () => {
    it('nothing behind the name: 404 that says so', async () => {
      for (const path of ['eu', 'eu/', 'eu?_queryFilter=true', 'eu/?_queryFilter=true', 'eu?'])
        assert.match(assertRefused(await call(stage(), path), 404), /"eu".*a path at the remote must follow/)
      assertRefused(await call(stage(), 'eu', { method: 'PUT', json: {} }), 404)
      assertNothingSeen(stage())
    })

    it('an unknown name: 404 that names the file', async () => {
      const message = assertRefused(await call(stage(), 'nobody/managed/user'), 404)
      assert.match(message, /"nobody".*conf\/external\.idm-nobody\.json/)
    })

    it('nothing behind the mount is the list of instances', async () => {
      for (const path of ['/openidm/external/idm?_queryFilter=true', '/openidm/external/idm/?_queryFilter=true']) {
        const answer = await callHost(stage(), path)
        assert.equal(answer.status, 200, `${path} ${answer.text}`)
        assert.ok((answer.json as { result: unknown[] }).result.length >= 4)
      }
    })

    it('a slash at the end is the remote’s business', async () => {
      for (const path of ['config', 'config/', 'config?_queryFilter=true', 'config/?_queryFilter=true']) {
        await call(stage(), `eu/${path}`)
        assert.equal(stage().eu.last.url, `/r1/openidm/${path}`)
      }
    })

    for (const [instanceUrl, base] of [
      ['', '/'],
      ['/', '/'],
      ['/openidm', '/openidm/'],
      ['/openidm/', '/openidm/'],
      ['/a/b%20c/openidm', '/a/b%20c/openidm/'],
    ] as const) {
      it(`instanceUrl ends in "${instanceUrl}"`, async () => {
        const { us } = stage()
        const url = `${us.origin}${instanceUrl}`
        await withInstance(stage(), 'edge', { instanceUrl: url, userName: 'svc-us', password: 'pw-us' })
        for (const path of ['x', 'x/y/', 'x?a=b']) {
          assert.equal((await call(stage(), `edge/${path}`)).status, 200)
          assert.equal(us.last.url, base + path)
        }
        us.answer(({ response }) => response.writeHead(201, { location: `${us.origin}${base}x/1` }).end())
        const created = await call(stage(), 'edge/x', { method: 'POST', json: {} })
        assert.equal(created.headers.location, '/openidm/external/idm/edge/x/1')
        us.requests.splice(0)
      })
    }
  })
}
