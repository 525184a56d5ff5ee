import type { Logger } from '../contract.ts'
import { toResourceException } from '../crest/errors.ts'
import type { RequestContext } from '../crest/protocol/request.ts'
import type { EventStore } from '../repo/queue/event-store.ts'
import { type Change, NOTIFY_ACTIONS, type SyncDetail, type SyncResults } from '../sync/live/change.ts'
import { Claim, type ClaimEvents, claimed } from '../sync/live/claims.ts'
import { isQueued, type LiveMappings } from '../sync/live/live-mappings.ts'
import type { LiveChanges } from '../sync/live/notifier.ts'
import type { ChangeSynchronizer } from './managed/changes.ts'

export interface ForwardedChangesOptions {
  /** Of this process. */
  readonly mappings: () => LiveMappings
  /** Of the leader. */
  readonly live: LiveChanges
  readonly events: ClaimEvents & Pick<EventStore, 'newClaim'>
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

  claimed(change: Change): Change {
    return claimed(change, this.#options.events)
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
      this.#leave(change)
      const syncDetails = first ? [failedDetail(first.mapping.name, resourceId, error)] : []
      return { success: false, action: NOTIFY_ACTIONS[action], syncDetails }
    }
  }

  /** The leader may stay, and not know of the change. */
  #leave({ claim, ...change }: Change): void {
    const { mappings, events, log } = this.#options
    if (claim === undefined) return
    const { action, resourceId } = change
    for (const { mapping } of mappings()
      .mappingsFor(change)
      .filter((one) => !isQueued(one)))
      void new Claim({ claim, action, mapping: mapping.name, resourceId }, { events, log }).leave()
  }
}

const NOT_CARRIED_OVER = 'a change was not carried over, or it is not known whether it was: the leader looks at it'

function failedDetail(mapping: string, sourceId: string, error: unknown): SyncDetail {
  const { code, reason, message } = toResourceException(error)
  return {
    ...{ reconId: null, mapping, situation: null, action: null, sourceId, linkQualifier: 'default' },
    ...{ targetId: null, ambiguousTargetIds: null, oldTargetValue: null, targetObjectSet: null },
    cause: { code, reason, message },
    result: 'FAILED',
  }
}
