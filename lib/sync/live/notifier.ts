import type { Changes, SourceChange } from '../../contract.ts'
import { badRequest } from '../../crest/errors.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import { CHANGE_ACTIONS, type Change, type SyncResults } from './change.ts'

/** Carries changes over: here, or in the process that does so for all. */
export interface LiveChanges {
  /** See `LiveSync.synchronize`. @throws ResourceException 503 when the process that does so has ended, or none is there */
  synchronize(change: Change, context: RequestContext): Promise<SyncResults>
  /** See `LiveSync.notify`. @throws ResourceException 503, as above */
  notify(change: Change, context: RequestContext): Promise<SyncResults>
}

/** The service `changes`: for code. */
export const notifier = (live: () => Pick<LiveChanges, 'notify'> | Promise<Pick<LiveChanges, 'notify'>>): Changes => ({
  notify: async (change) => ({ ...(await (await live()).notify(checked(change), {})) }) as never,
})

/** @throws badRequest */
function checked({ action, collection, resourceId, oldObject = null, newObject = null }: SourceChange): Change {
  if (!CHANGE_ACTIONS.includes(action)) throw badRequest(`action: must be one of ${CHANGE_ACTIONS.join(', ')}`)
  for (const [name, value] of Object.entries({ collection, resourceId }))
    if (typeof value !== 'string' || value === '') throw badRequest(`${name}: must be a text that is not empty`)
  return { action, collection, resourceId, oldObject, newObject }
}
