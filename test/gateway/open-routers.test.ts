import assert from 'node:assert/strict'
import { readPluginFolder } from '../../lib/gateway/plugins/manifest.ts'
import { OpenRouters } from '../../lib/gateway/plugins/plugin-routers.ts'
import { tempDirWith } from '../helpers/files.ts'
import { startGateway } from './parts.ts'

const manifest = (routers: object[]) => ({
  'plugin.json': { id: 'page', version: '1.0.0', contractVersion: '1.0', main: 'main.js', contributes: { routers } },
})
const router = (path: string, authentication: string) => ({ mount: '/openidm', path, authentication })
const MAIN = `export function activate(context) {
  context.registerRouter('/openidm', () => (request, response) => response.end(request.url))
}`

describe('routers without a login', () => {
  it('serve GET and HEAD of their path, and nothing else', async () => {
    const plugin = await tempDirWith({ ...manifest([router('page', 'none')]), 'main.js': MAIN })
    const { call } = await startGateway({ plugins: [plugin] })
    const asked = async (path: string, method = 'GET') => (await call(path, { method, headers: {} })).status
    assert.equal((await call('/page/a', { headers: {} })).text, '/page/a')
    assert.deepEqual([await asked('/page'), await asked('/page/a', 'HEAD')], [200, 200])
    for (const path of ['/pages', '/pag', '/config', '/', '/page%2fa', '/page/%2e%2e/config'])
      assert.ok((await asked(path)) >= 400, path)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) assert.equal(await asked('/page/a', method), 401, method)
  })

  it('are all of a plugin, or none', async () => {
    const dir = await tempDirWith({ ...manifest([router('a', 'none'), router('b', 'required')]), 'main.js': MAIN })
    assert.throws(() => readPluginFolder(dir), /contributes\.routers: must all have the same authentication/)
  })

  it('have paths of their own', () => {
    const routers = new OpenRouters()
    const entry = routers.add('page', () => undefined)
    for (const path of ['page', 'page/inner'])
      assert.throws(() => routers.add(path, () => undefined), /is served already/)
    routers.add('pages', () => undefined)
    entry.dispose()
    routers.add('page/inner', () => undefined)
  })
})
