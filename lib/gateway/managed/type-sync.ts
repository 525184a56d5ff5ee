import type { JsonObject } from '../../contract.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import type { StoredObject } from '../../repo/objects/object-store.ts'
import type { WriteEvents } from '../../repo/queue/event.ts'
import { type Change, NOTIFY_ACTIONS, type SyncResults } from '../../sync/live/change.ts'
import type { ChangeSynchronizer, ManagedChanges } from './changes.ts'
import { visibleInside } from './fields.ts'
import type { ManagedHooks, StoredChange, WriteCall } from './hooks.ts'
import type { ManagedType } from './type.ts'

/** A change that is about to be stored. */
export interface PlannedChange {
  readonly action: Change['action']
  readonly id: string
  readonly before?: StoredObject | undefined
  /** In stored form; absent for a deletion. */
  readonly content?: JsonObject | undefined
}

/** What has been made out of a planned change before it was stored, with the events to store with it. */
export interface PreparedChange extends WriteEvents {
  /** `newObject` has no revision yet. */
  readonly change: Change
}

export interface TypeSyncOptions {
  readonly type: ManagedType
  /** Absent: changes have no consequences. */
  readonly changes?: ManagedChanges | undefined
  readonly hooks: ManagedHooks
}

/** Hands the changes of one managed type to synchronization, and its results to `onSync`. */
export class TypeSync {
  readonly #type: ManagedType
  readonly #changes: ManagedChanges | undefined
  readonly #hooks: ManagedHooks

  constructor({ type, changes, hooks }: TypeSyncOptions) {
    this.#type = type
    this.#changes = changes
    this.#hooks = hooks
  }

  /** Whether changes have consequences. Answered for each write: one lookup. */
  get isConcerned(): boolean {
    const synchronizer = this.#synchronizer
    return (
      synchronizer !== undefined && (this.#hooks.afterSync !== undefined || synchronizer.concerns(this.#type.route))
    )
  }

  get #synchronizer(): ChangeSynchronizer | undefined {
    return this.#changes?.synchronizer
  }

  /**
   * Makes out what synchronization will see, so that a failure refuses the write.
   * @returns undefined when the change has no consequences
   */
  async prepare(planned: PlannedChange, call: WriteCall): Promise<PreparedChange | undefined> {
    const synchronizer = this.#synchronizer
    if (!synchronizer || !this.isConcerned) return undefined
    const change = synchronizer.claimed(await this.#seen(planned, call))
    return { change, events: synchronizer.eventsFor(change, call.context) }
  }

  /** @throws what `onSync` throws; the change stays */
  async synchronize({ change }: PreparedChange, stored: StoredChange, call: WriteCall): Promise<void> {
    const { newObject } = change
    const revision = stored.after?.revision
    const seen =
      newObject && revision !== undefined ? { ...change, newObject: { ...newObject, _rev: revision } } : change
    await this.#carry(seen, stored, call, (synchronizer, context) => synchronizer.synchronize(seen, context))
  }

  /** Synchronizes an object that has not changed. @throws what `onSync` throws */
  async check(object: StoredObject, call: WriteCall): Promise<void> {
    const { id, content, revision } = object
    const planned = { action: 'update', id, before: object, content } as const
    const { newObject, ...change } = await this.#seen(planned, call)
    const seen = { ...change, newObject: { ...newObject, _rev: revision } }
    const stored = { action: 'update', id, before: object, after: object } as const
    await this.#carry(seen, stored, call, (synchronizer, context) => synchronizer.notify(seen, context))
  }

  async #carry(
    change: Change,
    stored: StoredChange,
    call: WriteCall,
    work: (synchronizer: ChangeSynchronizer, context: RequestContext) => Promise<SyncResults>,
  ): Promise<void> {
    const synchronizer = this.#synchronizer
    const nothing: SyncResults = { success: true, action: NOTIFY_ACTIONS[change.action], syncDetails: [] }
    const isRead = synchronizer?.concerns(change.collection)
    const results = synchronizer && isRead ? await work(synchronizer, call.context) : nothing
    await this.#hooks.afterSync?.(stored, { results, change }, call)
  }

  /** The objects as internal callers read them, such as a reconciliation. */
  async #seen({ action, id, before, content }: PlannedChange, call: WriteCall): Promise<Change> {
    const old = before && { _id: id, _rev: before.revision, ...visibleInside(this.#type, before.content) }
    const next = content && { _id: id, ...visibleInside(this.#type, content) }
    const objects = [old, next].filter((object) => object !== undefined)
    const seen = [...((await this.#hooks.retrieve?.(id, objects, call)) ?? objects)]
    const oldObject = old ? (seen.shift() ?? null) : null
    const newObject = next ? (seen.shift() ?? null) : null
    return { collection: this.#type.route, resourceId: id, action, oldObject, newObject }
  }
}
