import type { JsonObject } from '../../contract.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'

export interface ManagedEvent {
  readonly type: string
  /** null when the repository is to choose it. */
  readonly id: string | null
  /** As it is about to be stored: private properties that are set anew in clear text, others left out. */
  readonly object: JsonObject
  /** As it is stored, without private properties; absent for a new object. */
  readonly previous?: JsonObject
}

/** What may be done to managed objects on their way: `onCreate`, `onUpdate` and `onDelete` of IDM. */
export interface ManagedHooks {
  /** @returns the object to store instead; policies judge what comes out. A rejection refuses the request */
  beforeCreate?(event: ManagedEvent, context: RequestContext): Promise<JsonObject>
  beforeUpdate?(event: ManagedEvent, context: RequestContext): Promise<JsonObject>
  beforeDelete?(event: ManagedEvent, context: RequestContext): Promise<void>
}
