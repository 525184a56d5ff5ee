import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { textOf } from '../../core/long-number.ts'
import { internalError } from '../../crest/errors.ts'
import { representQuery, representResource, withoutIdentity } from '../../crest/protocol/represent.ts'
import type { QueryResult, Resource, ResourceRequest } from '../../crest/protocol/request.ts'
import type { Answer } from '../../crest/protocol/router.ts'

/** Converts an object of a script to a resource with its `_id` and `_rev`; the id is empty when there is none. */
export function resourceOf(object: JsonObject): Resource {
  const { _id, _rev } = object
  return {
    id: _id === undefined || _id === null ? '' : textOf(_id),
    revision: typeof _rev === 'string' ? _rev : null,
    content: withoutIdentity(object),
  }
}

/** The variable `response`: an answer as the caller would see it. */
export function responseVariable(request: ResourceRequest, answer: Answer): Json {
  if (request.method === 'query') return { ...representQuery(answer as QueryResult) }
  if (request.method === 'action') return (answer as Json | undefined) ?? null
  return representResource(answer as Resource)
}

/** The answer as a script left it. @throws ResourceException 500 when it is invalid */
export function answerFrom(request: ResourceRequest, response: Json, before: Answer): Answer {
  if (request.method === 'action') return response === null && before === undefined ? undefined : response
  if (!isObject(response)) throw internalError('The filter left a response that is not a JSON object')
  if (request.method !== 'query') return { ...(before as Resource), ...resourceOf(response) }
  const { result } = response
  if (!Array.isArray(result)) throw internalError('The filter left the response of a query without its result')
  return { ...(before as QueryResult), result: result.map((item) => resourceOf(isObject(item) ? item : {})) }
}
