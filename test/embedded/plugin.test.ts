import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  configurationService,
  type ManagementAccess,
  managementAccessService,
  type Synchronization,
  synchronizationService,
} from '../../lib/contract.ts'
import { registryOf } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter, resourcesService } from '../../lib/crest/protocol/router.ts'
import { PluginHost } from '../../lib/gateway/plugins/host.ts'
import { PluginRouters } from '../../lib/gateway/plugins/plugin-routers.ts'
import { ServiceRegistry } from '../../lib/gateway/plugins/services.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { scriptsService } from '../../lib/script/main/engine.ts'
import { startGateway } from '../gateway/parts.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { memoryLog } from '../helpers/log.ts'
import { type Project, people, project, USERS } from './stage.ts'

interface HostOptions {
  readonly resources?: ResourceRouter
  readonly access?: ManagementAccess
}

/** A host that has these services, and the plugin in it. */
async function startHost({ dir }: Project, { resources, access }: HostOptions = {}) {
  const services = new ServiceRegistry()
  if (resources) services.provide(resourcesService, registryOf(resources))
  if (access) services.provide(managementAccessService, access)
  const routers = new PluginRouters()
  const [log, confDir] = [memoryLog(), join(dir, 'conf')]
  const mounts = { '/openidm': { authenticated: true, routers } }
  const host = new PluginHost({ confDir, log, services, mounts, logOf: () => log })
  onCleanUp(() => host.dispose())
  await host.load([packageRoot])
  // As the contract has it: the mount is cut off without a trace.
  const server = createServer((incoming, response) => {
    incoming.url = (incoming.url ?? '').replace(/^\/openidm/, '')
    routers.handle(incoming, response, () => response.writeHead(404).end('of the host'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanUp(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sync = services.get(synchronizationService)
  assert.ok(sync)
  return { host, services, sync, call: (path: string, options = {}) => request(`${origin}/openidm/${path}`, options) }
}

describe('the plugin in a host without synchronization', () => {
  for (const [title, resources] of [
    ['without resources', undefined],
    ['with resources', new ResourceRouter()],
  ] as const)
    it(`${title}: provides services, serves no management, and takes the database when it is needed`, async () => {
      const own = await project()
      own.one.seed(USERS, people(2))
      const { services, sync, call, host } = await startHost(own, resources && { resources })
      assert.ok(services.get(configurationService) && services.get(scriptsService))
      for (const path of ['recon', 'config', 'config/external.idm/one', 'repo/link?_queryFilter=true'])
        assert.equal((await call(path)).text, 'of the host')
      assert.equal(resources?.routes('recon') ?? false, false)
      assert.equal(existsSync(join(own.dir, 'db')), false)
      assert.equal((await sync.reconcile('m')).state, 'SUCCESS')
      assert.equal(own.two.ids(USERS).length, 2)
      await assert.rejects((await startHost(own)).sync.reconcile('m'), /another process/)
      await host.dispose()
      for (const ref of [configurationService, scriptsService, synchronizationService])
        assert.equal(services.has(ref.id), false)
      await assert.rejects(sync.reconcile('m'), { code: 409 })
      assert.equal((await (await startHost(own)).sync.reconcile('m')).state, 'SUCCESS')
    })

  it('serves management to those whom the host permits it', async () => {
    const resources = new ResourceRouter()
    const access: ManagementAccess = { authorize: ({ headers }) => headers['x-may'] === 'yes' }
    const own = await project()
    own.one.seed(USERS, people(1))
    const { call, sync, host } = await startHost(own, { resources, access })
    const headers = { 'x-may': 'yes' }
    for (const path of ['recon', 'config/external.idm/one', 'repo/link?_queryFilter=true']) {
      assert.equal((await call(path)).status, 403)
      assert.equal((await call(path, { headers })).status, 200)
    }
    const started = await call('recon?_action=recon&mapping=m&waitForCompletion=true', { method: 'POST', headers })
    assert.equal((started.json as { state: string }).state, 'SUCCESS')
    const run = await sync.reconcile('m')
    assert.equal(
      (
        await registryOf(resources)
          .connect()
          .read(`recon/${String(run._id)}`)
      )?.state,
      'SUCCESS',
    )
    assert.equal((await call('script?_action=eval', { method: 'POST', headers, json: {} })).text, 'of the host')
    await host.dispose()
    assert.equal(resources.routes('recon'), false)
  })

  it('mappings use what the host has: a type of its own', async () => {
    const resources = new ResourceRouter()
    const added: unknown[] = []
    resources.add('managed/user', {
      query: async () => ({
        ...{ result: [], pagedResultsCookie: null },
        ...{ totalPagedResultsPolicy: 'NONE', totalPagedResults: -1, remainingPagedResults: -1 },
      }),
      create: async ({ content }) => {
        added.push(content)
        return { id: 'x', revision: '1', content }
      },
    })
    const local = {
      source: `external/idm/one/${USERS}`,
      target: 'managed/user',
      properties: [{ source: 'userName', target: 'userName' }],
    }
    const own = await project({ 'conf/mapping-local.json': local })
    own.one.seed(USERS, people(1))
    const { sync } = await startHost(own, { resources })
    assert.equal((await sync.reconcile('local')).state, 'SUCCESS')
    assert.deepEqual(added, [{ userName: 'user.0' }])
  })
})

describe('the plugin in the reference gateway', () => {
  it('uses its services, and other plugins reconcile with them', async () => {
    const other = await tempDirWith({
      'plugin.json': {
        ...{ id: 'other', version: '1.0.0', contractVersion: '1.0', main: 'main.js' },
        requires: ['sync'],
      },
      'package.json': { type: 'module' },
      'main.js': 'export const activate = (context) => { globalThis.syncOfOther = context.service({ id: "sync" }) }',
    })
    const { one, two, dir } = await project()
    one.seed(USERS, people(2))
    const names = ['external.idm-one.json', 'external.idm-two.json', 'mapping-m.json']
    const files = await Promise.all(names.map(async (name) => [name, await readFile(join(dir, 'conf', name), 'utf8')]))
    const { call } = await startGateway({ conf: Object.fromEntries(files), plugins: [packageRoot, other] })
    const { syncOfOther } = globalThis as { syncOfOther?: Synchronization }
    const run = await syncOfOther?.reconcile('m')
    assert.equal(run?.state, 'SUCCESS')
    assert.equal(two.ids(USERS).length, 2)
    assert.equal((await call(`/recon/${String(run?._id)}`)).status, 200)
  })
})
