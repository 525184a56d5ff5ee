import type { Disposable } from '../contract.ts'
import { MemoryCollection } from '../crest/collection.ts'
import type { ResourceRouter } from '../crest/router.ts'

/** Puts the managed objects on the router. */
export const addManagedObjects = (router: ResourceRouter): Disposable =>
  router.add('managed/user', new MemoryCollection())
