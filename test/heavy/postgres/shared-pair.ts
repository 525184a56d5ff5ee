/** Two processes that share runs, in one: each has its own connections to the database. */
import { ConfigDirectory } from '../../../lib/config/files/directory.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { type Connection, connect, registryOf } from '../../../lib/crest/protocol/connection.ts'
import type { ResourceHandler } from '../../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../../lib/crest/protocol/router.ts'
import type { RunNodes } from '../../../lib/sync/context/run-nodes.ts'
import { MappingRegistry } from '../../../lib/sync/mapping/registry.ts'
import { startParticipation } from '../../../lib/sync/participation.ts'
import { type StartedSynchronization, startSynchronization } from '../../../lib/sync/synchronization.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { silent } from '../../repo/repositories.ts'
import { postgresRepository, tempSchema } from './server.ts'

export interface Pair {
  readonly connection: Connection
  /** How many tasks the other process was given. */
  readonly tasks: () => number
  /** Of the process that coordinates runs. */
  readonly started: StartedSynchronization
}

/** @param collections by their paths */
export async function startPair(
  mappings: readonly JsonObject[],
  collections: Readonly<Record<string, ResourceHandler>>,
): Promise<Pair> {
  const place = await tempSchema()
  const [own, other] = [await postgresRepository(place), await postgresRepository(place)]
  const router = new ResourceRouter()
  for (const [path, collection] of Object.entries(collections)) router.add(path, collection)
  const conf = await tempDirWith({ 'sync.json': { mappings } })
  const directory = new ConfigDirectory({ dir: conf, log: silent })
  onCleanUp(() => directory.close())
  await directory.start()
  const registry = new MappingRegistry(silent)
  await registry.follow(directory)
  const resources = registryOf(router)
  const common = { configuration: directory, resources, scripts: undefined, managedTypes: () => [], log: silent }
  const participant = await startParticipation({ ...common, repository: other, mappings: registry })
  onCleanUp(() => participant.dispose())
  let tasks = 0
  const nodes: RunNodes = {
    known: async () => ({ own: 'one', others: ['two'] }),
    call: (_node, task, signal) => {
      tasks += 1
      return participant.answer(task, signal)
    },
  }
  const started = await startSynchronization({ ...common, repository: own, nodes })
  onCleanUp(() => started.dispose())
  for (const [route, handler] of started.resources) router.add(route, handler)
  return { connection: connect(router, {}), tasks: () => tasks, started }
}
