import type { Logger } from '../contract.ts'
import { toResourceException } from '../crest/errors.ts'
import type { RequestContext } from '../crest/protocol/request.ts'
import { type Change, NOTIFY_ACTIONS, type SyncDetail, type SyncResults } from '../sync/live/change.ts'
import type { LiveMappings } from '../sync/live/live-mappings.ts'
import type { LiveChanges } from '../sync/live/notifier.ts'
import type { ChangeSynchronizer } from './managed/changes.ts'

export interface ForwardedChangesOptions {
  /** Of this process. */
  readonly mappings: () => LiveMappings
  /** Of the leader. */
  readonly live: LiveChanges
  readonly log: Logger
}

/** Has the leader carry changes over. This process knows which mappings they concern, and stores their events. */
export class ForwardedChanges implements ChangeSynchronizer {
  readonly #options: ForwardedChangesOptions

  constructor(options: ForwardedChangesOptions) {
    this.#options = options
  }

  concerns(collection: string): boolean {
    return this.#options.mappings().concerns(collection)
  }

  eventsFor(change: Change, context: RequestContext) {
    return this.#options.mappings().eventsFor(change, context)
  }

  synchronize(change: Change, context: RequestContext): Promise<SyncResults> {
    return this.#carryOver('synchronize', change, context)
  }

  notify(change: Change, context: RequestContext): Promise<SyncResults> {
    return this.#carryOver('notify', change, context)
  }

  async #carryOver(by: keyof LiveChanges, change: Change, context: RequestContext): Promise<SyncResults> {
    const { live, mappings, log } = this.#options
    try {
      return await live[by](change, context)
    } catch (error) {
      const { collection, resourceId, action } = change
      const [first] = mappings().mappingsFor(change)
      log.error({ err: error, resource: `${collection}/${resourceId}` }, NOT_CARRIED_OVER)
      const syncDetails = first ? [failedDetail(first.mapping.name, resourceId, error)] : []
      return { success: false, action: NOTIFY_ACTIONS[action], syncDetails }
    }
  }
}

const NOT_CARRIED_OVER = 'a change was not carried over, or it is not known whether it was: the next leader looks at it'

function failedDetail(mapping: string, sourceId: string, error: unknown): SyncDetail {
  const { code, reason, message } = toResourceException(error)
  return {
    ...{ reconId: null, mapping, situation: null, action: null, sourceId, linkQualifier: 'default' },
    ...{ targetId: null, ambiguousTargetIds: null, oldTargetValue: null, targetObjectSet: null },
    cause: { code, reason, message },
    result: 'FAILED',
  }
}
