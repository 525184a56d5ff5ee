import type { JsonObject } from '../../contract.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'

export interface ManagedEvent {
  readonly type: string
  /** null if the repository generates it. */
  readonly id: string | null
  /** The object to store, with new private values in clear text; unchanged private properties are omitted. */
  readonly object: JsonObject
  /** The stored object without private properties; absent for a new object. */
  readonly previous?: JsonObject
}

/** Hooks around writes of managed objects: `onCreate`, `onUpdate` and `onDelete` of IDM. */
export interface ManagedHooks {
  /** @returns the object to store; policies check the result. A rejection fails the request */
  beforeCreate?(event: ManagedEvent, context: RequestContext): Promise<JsonObject>
  beforeUpdate?(event: ManagedEvent, context: RequestContext): Promise<JsonObject>
  beforeDelete?(event: ManagedEvent, context: RequestContext): Promise<void>
}
