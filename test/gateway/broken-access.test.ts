import assert from 'node:assert/strict'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { openProject } from '../../lib/gateway/project/project.ts'
import { tempDir, writeAtomically, writeFiles } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { ADMIN, ANONYMOUS, startGateway, type TestGateway, withGateway } from './parts.ts'

const OPEN = { pattern: 'info/*', roles: '*', methods: 'read' }

const status = async ({ call }: TestGateway, path: string, headers = ANONYMOUS) =>
  (await call(path, { headers })).status
const errorOf = async ({ call }: TestGateway, id: string) => {
  const { configurations } = (await call('/config')).json as { configurations: JsonObject[] }
  return configurations.find(({ _id }) => _id === id)?.error
}

describe('a gateway whose access.json is broken at the start', function () {
  this.timeout(30_000)

  for (const content of ['{', '', { configs: 5 }, {}, []])
    it(`is closed to all but the administrator: ${JSON.stringify(content)}`, async () => {
      const gateway = await startGateway({ conf: { 'access.json': content } })
      assert.equal(await status(gateway, '/info/ping'), 403)
      assert.equal(await status(gateway, '/health'), 403)
      assert.equal(await status(gateway, '/managed/user?_queryFilter=true'), 403)
      for (const path of ['/info/ping', '/config', '/managed/user?_queryFilter=true'])
        assert.equal(await status(gateway, path, ADMIN), 200)
      assert.match(String(await errorOf(gateway, 'access')), /^access\.json: /)
      const told = gateway.log.entries.filter(({ msg }) => /only the administrator/.test(String(msg)))
      assert.equal(told.length, 1)
      await writeAtomically(join(gateway.project.conf, 'access.json'), { configs: [OPEN] })
      await until(async () => (await status(gateway, '/info/ping')) === 200)
    })

  it('is closed to all but the administrator: a file without read permission', async function () {
    if (process.getuid?.() === 0) this.skip()
    const project = await openProject(await tempDir())
    await writeFiles(project.conf, { 'access.json': { configs: [OPEN] } })
    await chmod(join(project.conf, 'access.json'), 0)
    await withGateway(project.dir, async (call) => {
      assert.equal((await call('/info/ping', { headers: ANONYMOUS })).status, 403)
      assert.equal((await call('/info/ping')).status, 200)
    })
  })

  it('has the rules without a fault; one with a fault grants nothing', async () => {
    const custom = { pattern: 'managed/*', roles: '*', methods: '*', actions: '*', customAuthz: 'own data only' }
    const gateway = await startGateway({ conf: { 'access.json': { configs: [OPEN, custom] } } })
    assert.equal(await status(gateway, '/info/ping'), 200)
    assert.equal(await status(gateway, '/managed/user?_queryFilter=true'), 403)
    assert.equal(await status(gateway, '/managed/user?_queryFilter=true', ADMIN), 200)
    assert.match(String(await errorOf(gateway, 'access')), /^access\.json: configs\.1\.customAuthz: is no expression/)
  })

  it('keeps the last good rules when the edit comes later', async () => {
    const gateway = await startGateway({ conf: { 'access.json': { configs: [OPEN] } } })
    await writeAtomically(join(gateway.project.conf, 'access.json'), { configs: [{ ...OPEN, methods: 'see' }] })
    await until(() => gateway.log.entries.some(({ msg }) => /the last valid version stays in force$/.test(String(msg))))
    assert.equal(await status(gateway, '/info/ping'), 200)
  })
})

describe('a gateway whose other settings are broken at the start', function () {
  this.timeout(30_000)

  it('has the defaults, and accepts no token', async () => {
    const gateway = await startGateway({
      conf: {
        'gateway.json': { x: 1 },
        'authentication.json': { rsFilter: {} },
        'script.json': { limits: { memoryMB: -1 } },
      },
    })
    assert.equal(await status(gateway, '/info/ping', ADMIN), 200)
    assert.equal((await gateway.call('/info/ping', { headers: { authorization: 'Bearer x' } })).status, 401)
    const json = { type: 'text/javascript', source: '1 + 1' }
    assert.equal((await gateway.call('/script?_action=eval', { method: 'POST', json })).json, 2)
    assert.match(String(await errorOf(gateway, 'gateway')), /^gateway\.json: /)
    assert.match(
      String(await errorOf(gateway, 'authentication')),
      /^authentication\.json: rsFilter\.clientId: must be /,
    )
    assert.match(String(await errorOf(gateway, 'script')), /^script\.json: limits\.memoryMB: must be /)
  })
})
