import type { JsonObject } from '../../contract.ts'
import type { RequestContext, ResourceRequest } from '../../crest/protocol/request.ts'

/** The request that a hook of managed objects runs for. */
export interface HookCall {
  readonly request: ResourceRequest
  readonly context: RequestContext
  /** `managed/user/amira`. */
  readonly resourceName: string
}

export const optionsOf = ({ request, context }: HookCall) => ({ request, context })

export const withNames = (variables: JsonObject, { resourceName }: HookCall): JsonObject => ({
  ...variables,
  resourceName,
  resourcePath: resourceName,
})
