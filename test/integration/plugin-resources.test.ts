import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { PluginContext, ServiceRef } from '../../lib/contract.ts'
import { Scope } from '../../lib/core/scope.ts'
import { registryOf } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter, resourcesService } from '../../lib/crest/protocol/router.ts'
import { activate } from '../../lib/plugin.ts'
import { scriptsService } from '../../lib/script/main/engine.ts'
import { reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { memoryLog } from '../helpers/log.ts'
import { startRemote } from '../helpers/remote.ts'

/** A host that has resources and nothing else to give. */
function contextOf(confDir: string, router: ResourceRouter, scope: Scope): PluginContext {
  const services: Record<string, unknown> = { [resourcesService.id]: registryOf(router) }
  const optionalService = <T>({ id }: ServiceRef<T>): T | undefined => services[id] as T | undefined
  return {
    id: 'external-idm',
    confDir,
    log: memoryLog(),
    signal: scope.signal,
    service: () => assert.fail('it requires nothing'),
    optionalService,
    provide: ({ id }, implementation) => {
      assert.ok(['changes', 'configuration', 'scripts', 'sync'].includes(id), id)
      services[id] = implementation
      return { dispose: () => void delete services[id] }
    },
    authenticates: () => true,
    registerRouter: () => ({ dispose: () => undefined }),
    defer: (label, cleanUp) => scope.defer(label, cleanUp),
  }
}

describe('the plugin and the resources of its host', () => {
  it('external/idm is there as long as the plugin is active, and can be activated again', async () => {
    const remote = await startRemote({ behaviour: reply({ body: { result: [{ _id: 'bo' }] } }) })
    const instance = { authType: 'basic', instanceUrl: remote.url, userName: 'svc', password: 'pw' }
    const dir = await tempDirWith({ 'conf/external.idm-eu.json': instance })
    const router = new ResourceRouter()
    const { connect } = registryOf(router)
    for (let n = 0; n < 2; n++) {
      const scope = new Scope()
      onCleanUp(() => scope.dispose())
      const context = contextOf(join(dir, 'conf'), router, scope)
      await activate(context)
      const { result } = await connect().query('external/idm/eu/managed/user', { _queryFilter: 'true' })
      assert.deepEqual(result, [{ _id: 'bo' }])
      const scripts = context.optionalService(scriptsService)
      const source = "openidm.query('external/idm/eu/managed/user', { '_queryFilter': 'true' }).resultCount"
      const script = await scripts?.compile({ type: 'text/javascript', source })
      assert.equal(script && (await scripts?.run(script, {})), 1)
      await scope.dispose()
      assert.equal(context.optionalService(scriptsService), undefined)
      await assert.rejects(connect().query('external/idm', { _queryFilter: 'true' }), { code: 404 })
    }
  })
})
