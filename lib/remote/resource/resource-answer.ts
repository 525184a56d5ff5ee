/**
 * Validates responses of a remote and translates them to resources. Real remotes answer some failures with HTML or with
 * an empty body, some reads with half a document, and omit members of query responses.
 */
import type { Json, JsonObject } from '../../contract.ts'
import type { HttpResponse } from '../../core/http/http-client.ts'
import { isObject, parseJson } from '../../core/json.ts'
import { isNumber, textOf as scalarText } from '../../core/long-number.ts'
import { badGateway, ResourceException } from '../../crest/errors.ts'
import { isRepresented, withoutIdentity } from '../../crest/protocol/represent.ts'
import type { QueryResult, Resource, TotalPagedResultsPolicy } from '../../crest/protocol/request.ts'
import { retryAfterMs } from '../http/fault.ts'

/**
 * The JSON of a successful response; undefined without a body.
 * @param path of the resource, for messages
 * @throws ResourceException the error of the remote, or 502 for what is not a response of an IDM
 */
export function answeredJson(path: string, { status, headers, text, unreadable }: HttpResponse): Json | undefined {
  if (status >= 400) throw errorOf(path, status, unreadable ? '' : text, retryAfterMs(headers['retry-after']))
  if (status < 200 || status >= 300) throw badGateway(`${path}: the remote answered with a redirect (${status})`)
  if (unreadable) throw badGateway(`${path}: the text that the remote answered with ${unreadable}`)
  if (status === 204 || text.trim() === '') return undefined
  try {
    return parseJson(text)
  } catch (error) {
    const what = error instanceof SyntaxError && text.trimStart().startsWith('<') ? 'HTML' : 'something'
    // The parser's message quotes the text, which may hold secrets.
    const cause = new Error(`${headers['content-type'] ?? 'no content type'}, ${text.length} characters`)
    throw badGateway(`${path}: the remote answered with ${what} that is no whole JSON document`, { cause })
  }
}

/** The error of the remote as sent. It is for the caller and never logged. */
function errorOf(path: string, status: number, text: string, retryAfterMs: number | undefined): ResourceException {
  const body = jsonObject(text)
  // A load balancer in front of the remote knows nothing about its objects.
  if (status === 404 && body?.code !== 404)
    throw badGateway(`${path}: the remote answered 404 without the error of an IDM: this says nothing about the object`)
  if (typeof body?.message !== 'string')
    return new ResourceException(status, `${path}: the remote answered ${status}`, { retryAfterMs })
  const { reason, message, detail } = body
  return new ResourceException(status, message, {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(detail === undefined || detail === null ? {} : { detail }),
    retryAfterMs,
  })
}

function jsonObject(text: string): JsonObject | undefined {
  try {
    const json = parseJson(text)
    return isObject(json) ? json : undefined
  } catch {
    return undefined
  }
}

/**
 * A single resource.
 * @param id used when the response has no `_id`; null = the remote chose the id
 */
export function answeredResource(path: string, id: string | null, answer: HttpResponse): Resource {
  const json = answeredJson(path, answer)
  if (!isObject(json)) throw badGateway(`${path}: the remote answered with something that is no JSON object`)
  if (isError(json)) throw errorOf(path, Number(json.code), answer.text, undefined)
  const own = textOf(json._id) || id
  if (own === null) throw badGateway(`${path}: the remote created an object and did not say its id`)
  return { ...resourceOf(json, own), ...(answer.status === 201 ? { created: true } : {}) }
}

/** Some remotes answer a failure with status 200 and an error in place of the object. */
const isError = ({ _id, code, reason, message }: JsonObject): boolean =>
  _id === undefined &&
  typeof code === 'number' &&
  code >= 400 &&
  code <= 599 &&
  typeof reason === 'string' &&
  typeof message === 'string'

/** The result of a delete; the response may be empty. */
export function answeredDeletion(path: string, id: string, answer: HttpResponse): Resource {
  const isEmpty = answer.status < 300 && !answer.unreadable && answer.text.trim() === ''
  return isEmpty ? { id, revision: null, content: {} } : answeredResource(path, id, answer)
}

const resourceOf = (json: JsonObject, id: string): Resource => ({
  id,
  revision: textOf(json._rev) || null,
  content: withoutIdentity(json),
})

/** Objects already in the right form are not copied: a page may hold thousands. */
function asSent(object: JsonObject): Resource {
  const id = textOf(object._id)
  const revision = textOf(object._rev) || null
  return isRepresented(object, id, revision) ? { id, revision, content: object } : resourceOf(object, id)
}

const textOf = (value: Json | undefined): string =>
  typeof value === 'string' ? value : isNumber(value) ? scalarText(value) : ''

const POLICIES: readonly TotalPagedResultsPolicy[] = ['NONE', 'ESTIMATE', 'EXACT']

/** The result of a query; omitted members are unknown. */
export function answeredQuery(path: string, answer: HttpResponse): QueryResult {
  const json = answeredJson(path, answer)
  const result = isObject(json) ? json.result : undefined
  if (!isObject(json) || !Array.isArray(result) || !result.every(isObject))
    throw badGateway(`${path}: the remote answered a query with something that has no list of objects "result"`)
  return {
    result: result.map(asSent),
    pagedResultsCookie: textOf(json.pagedResultsCookie) || null,
    totalPagedResultsPolicy: POLICIES.find((policy) => policy === json.totalPagedResultsPolicy) ?? 'NONE',
    totalPagedResults: countOf(json.totalPagedResults),
    remainingPagedResults: countOf(json.remainingPagedResults),
  }
}

const countOf = (value: Json | undefined): number => (typeof value === 'number' ? value : -1)
