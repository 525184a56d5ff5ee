import type { JsonObject } from '../../contract.ts'
import type { StoredObject } from '../files/stored-object.ts'
import { pidOfObject } from './pids.ts'

/** How an object is listed; one that cannot be used says why. */
export function listingEntry({ name, error }: StoredObject): JsonObject {
  const entry = { _id: name.id, pid: pidOfObject(name), factoryPid: name.factoryPid }
  return error === undefined ? entry : { ...entry, error }
}
