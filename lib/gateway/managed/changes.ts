import type { RequestContext } from '../../crest/protocol/request.ts'
import type { NewEvent } from '../../repo/queue/event.ts'
import type { Change, SyncResults } from '../../sync/live/change.ts'

/** What synchronization does with changes of managed objects. */
export interface ChangeSynchronizer {
  /** Whether any live mapping reads `collection`: otherwise nothing is done for a change. */
  concerns(collection: string): boolean
  /** The same change, to be stored as claimed events for the mappings that carry it out at once. */
  claimed(change: Change): Change
  /** Stored together with the change: one for each live mapping with a queue. */
  eventsFor(change: Change, context: RequestContext): readonly NewEvent[]
  /** Carries a stored change over in the live mappings without a queue. Never rejects. */
  synchronize(change: Change, context: RequestContext): Promise<SyncResults>
  /** The same for an object that has not changed, whose events are not stored yet. */
  notify(change: Change, context: RequestContext): Promise<SyncResults>
}

/** Where managed objects hand over their changes. Synchronization starts after them, and is bound then. */
export class ManagedChanges {
  #synchronizer: ChangeSynchronizer | undefined

  /** undefined until synchronization has started: changes have no consequences. */
  get synchronizer(): ChangeSynchronizer | undefined {
    return this.#synchronizer
  }

  bind(synchronizer: ChangeSynchronizer): void {
    this.#synchronizer = synchronizer
  }
}
