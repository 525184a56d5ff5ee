import type { Connection } from '../../crest/protocol/connection.ts'
import type { ResourceRegistry } from '../../crest/protocol/router.ts'
import type { Fence } from '../../repo/repository.ts'
import type { ScriptService } from '../../script/main/engine.ts'

/** The resources as the leader uses them: no request begins once its lease has ended by the clock of this process. */
export const guardedResources = (resources: ResourceRegistry, fence: Fence): ResourceRegistry => ({
  ...resources,
  connect: (context) => guardedConnection(resources.connect(context), fence),
  connectDry: (context) => guardedConnection(resources.connectDry(context), fence),
  replay: async (write) => {
    fence.assertHeld()
    return resources.replay(write)
  },
})

/** The same for scripts: none starts. One that runs goes on. */
export const guardedScripts = (scripts: ScriptService, fence: Fence): ScriptService =>
  guarded(scripts, fence, ['run', 'runMany'])

// Other methods consist of queries.
const guardedConnection = (connection: Connection, fence: Fence): Connection =>
  guarded(connection, fence, ['create', 'read', 'update', 'patch', 'delete', 'query', 'action'])

/** @param names of methods that are asynchronous */
function guarded<T extends object>(target: T, fence: Fence, names: readonly (keyof T)[]): T {
  const isGuarded = new Set<unknown>(names)
  return new Proxy(target, {
    get: (_, name) => {
      const method = Reflect.get(target, name, target) as unknown
      if (typeof method !== 'function') return method
      if (!isGuarded.has(name)) return method.bind(target)
      return async (...args: unknown[]) => {
        fence.assertHeld()
        return method.apply(target, args)
      }
    },
  })
}
