import type { IncomingMessage } from 'node:http'
import { badRequest, methodNotAllowed } from '../crest/errors.ts'
import type { ResourceRequest } from '../crest/request.ts'

/** One thing that a request wants to do to its resource. */
export interface Permission {
  readonly method: ResourceRequest['method']
  /** Only with method `action`. */
  readonly action?: string
}

/** What of a request decides about access; its body is never looked at. */
export type RequestHead = Pick<IncomingMessage, 'method' | 'url' | 'headers'>

const READ: readonly Permission[] = [{ method: 'read' }]
const QUERY: readonly Permission[] = [{ method: 'query' }]
const CREATE: readonly Permission[] = [{ method: 'create' }]
const UPDATE: readonly Permission[] = [{ method: 'update' }]
const UPSERT: readonly Permission[] = [...CREATE, ...UPDATE]
const PATCH: readonly Permission[] = [{ method: 'patch' }]
const DELETE: readonly Permission[] = [{ method: 'delete' }]
const QUERY_PARAMETERS: ReadonlySet<string> = new Set(['_queryfilter', '_queryid', '_queryexpression'])

/**
 * What a request needs: all of it must be allowed. An upsert may create or update and needs both; a POST without
 * `_action` creates.
 * @throws ResourceException 400 when `_action` stands there twice, 405 for a method that Common REST does not know
 */
export function permissionsOf(request: RequestHead): readonly Permission[] {
  switch (effectiveMethod(request)) {
    case 'GET':
    case 'HEAD':
      return parametersOf(request.url).some(([name]) => QUERY_PARAMETERS.has(name)) ? QUERY : READ
    case 'OPTIONS':
      return READ
    case 'POST':
      return ofPost(request)
    case 'PUT':
      return ofPut(request)
    case 'PATCH':
      return PATCH
    case 'DELETE':
      return DELETE
    default:
      throw methodNotAllowed(`The method ${request.method} is not allowed`)
  }
}

/** Common REST honours the override on POST only; elsewhere it says two things at once. */
function effectiveMethod({ method = '', headers }: RequestHead): string {
  const override = headers['x-http-method-override']
  if (override === undefined) return method
  if (method === 'POST' && typeof override === 'string') return override.trim().toUpperCase()
  if (String(override).trim().toUpperCase() === method) return method
  throw badRequest('X-HTTP-Method-Override is understood with POST only')
}

function ofPost({ url }: RequestHead): readonly Permission[] {
  const actions = parametersOf(url).filter(([name]) => name === '_action')
  if (actions.length > 1) throw badRequest("Multiple values provided for the single-valued request parameter '_action'")
  const action = actions[0]?.[1] ?? 'create'
  return action.toLowerCase() === 'create' ? CREATE : [{ method: 'action', action }]
}

function ofPut({ headers }: RequestHead): readonly Permission[] {
  const onlyNew = headers['if-none-match']
  if (onlyNew === undefined) return headers['if-match'] === undefined ? UPSERT : UPDATE
  return onlyNew.trim() === '*' && headers['if-match'] === undefined ? CREATE : UPSERT
}

/** Names in lower case: Common REST reads its reserved ones without regard to case. */
function parametersOf(url = ''): (readonly [name: string, value: string])[] {
  const start = url.indexOf('?')
  if (start < 0) return []
  return [...new URLSearchParams(url.slice(start + 1))].map(([name, value]) => [name.toLowerCase(), value] as const)
}
