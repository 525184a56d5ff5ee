import type { JsonObject } from '../../contract.ts'
import type { RequestContext, ResourceRequest } from '../../crest/protocol/request.ts'
import type { StoredObject } from '../../repo/objects/object-store.ts'
import type { Change, ChangeAction, SyncResults } from '../../sync/live/change.ts'

/** The request that a managed object is written for. */
export interface WriteCall {
  readonly request: ResourceRequest
  readonly context: RequestContext
}

export interface ManagedEvent {
  readonly type: string
  /** null if the repository generates it. */
  readonly id: string | null
  /** The object to store, with new private values in clear text; unchanged private properties are omitted. */
  readonly object: JsonObject
  /** The stored object without private properties; absent for a new object. */
  readonly previous?: JsonObject
}

/** A change that has been stored, with the objects as stored. */
export interface StoredChange {
  readonly action: ChangeAction
  readonly id: string
  /** Absent for a new object. */
  readonly before?: StoredObject
  /** Absent for a deleted object. */
  readonly after?: StoredObject
}

/** Hooks around writes of managed objects. A rejection fails the request. */
export interface ManagedHooks {
  /** @returns the object to store; policies check the result */
  beforeCreate?(event: ManagedEvent, call: WriteCall): Promise<JsonObject>
  beforeUpdate?(event: ManagedEvent, call: WriteCall): Promise<JsonObject>
  beforeDelete?(event: ManagedEvent, call: WriteCall): Promise<void>
  /** Called when the change is stored: `postCreate`, `postUpdate` and `postDelete` of IDM. */
  afterWrite?(change: StoredChange, call: WriteCall): Promise<void>
  /** The objects of internal callers as these read them: `onRetrieve` of IDM. */
  retrieve?(id: string, objects: readonly JsonObject[], call: WriteCall): Promise<JsonObject[]>
  /** Called when the change is synchronized, or could not be: `onSync` of IDM. */
  afterSync?(change: StoredChange, synchronized: Synchronized, call: WriteCall): Promise<void>
}

export interface Synchronized {
  readonly results: SyncResults
  /** The objects as synchronization saw them. */
  readonly change: Change
}
