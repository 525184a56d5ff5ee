import { basename } from 'node:path'
import type { ConfigurationFileFault, JsonObject } from '../../contract.ts'
import { describeFileFaults } from '../files/fault.ts'
import type { StoredObject } from '../files/stored-object.ts'
import { pidOfObject } from './pids.ts'

/** How objects are listed; one that is not in force has the reason. */
export const listing =
  (faults: ReadonlyMap<string, readonly ConfigurationFileFault[]>) =>
  ({ name, file }: StoredObject): JsonObject => {
    const entry = { _id: name.id, pid: pidOfObject(name), factoryPid: name.factoryPid }
    const own = faults.get(basename(file))
    return own ? { ...entry, error: describeFileFaults(own) } : entry
  }
