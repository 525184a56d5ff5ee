import { guarded } from '../../core/guarded.ts'
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
  guarded(scripts, () => fence.assertHeld(), ['run', 'runMany'])

// Other methods consist of queries.
const guardedConnection = (connection: Connection, fence: Fence): Connection =>
  guarded(connection, () => fence.assertHeld(), ['create', 'read', 'update', 'patch', 'delete', 'query', 'action'])
