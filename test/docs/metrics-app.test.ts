import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onCleanUp } from '../helpers/clean-up.ts'
import { writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { MetricsPage } from '../helpers/metrics-page.ts'
import { spawnNode } from '../helpers/process.ts'
import { startRemote } from '../helpers/remote.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('the application with metrics in the documentation', () => {
  it('serves them', async () => {
    const remote = await startRemote()
    // From here it finds the packages that it imports.
    const dir = await mkdtemp(join(ROOT, 'node_modules/.metrics-app-'))
    onCleanUp(() => rm(dir, { recursive: true }))
    const [block, ...others] = blocksFor('metrics-app')
    assert.deepEqual(others, [])
    const here = JSON.stringify(join(ROOT, 'lib/index.ts'))
    const text = block?.text.replace("'openidm-external-idm'", here).replace('8081, ', '0, ')
    const instance = { authType: 'basic', instanceUrl: remote.url, userName: 'a', password: 'b' }
    await writeFiles(dir, {
      'app.mjs': `${text}server.on('listening', () => console.log('listens on', server.address().port))\n`,
      'conf/external.idm-eu.json': instance,
    })
    const app = spawnNode(['app.mjs'], { cwd: dir, env: { GATEWAY_KEY: 'key' } })
    const origin = `http://127.0.0.1:${(await app.line('listens on ')).split(' ').at(-1)}`
    const headers = { authorization: 'Bearer key' }
    assert.equal((await request(`${origin}/openidm/external/idm/eu/managed/user`, { headers })).status, 200)
    assert.equal((await request(`${origin}/metrics`)).status, 401)
    const page = await request(`${origin}/metrics`, { headers })
    assert.equal(page.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
    const labels = { remote: 'eu', method: 'GET', status: '200' }
    assert.equal(new MetricsPage(page.text).sum('openidm_external_idm_requests_total', labels), 1)
    assert.equal((await app.kill()).code, 0)
  })
})
