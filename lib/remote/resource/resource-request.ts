/** Translates a resource request to the equivalent HTTP request to the remote. */
import type { Json, JsonObject } from '../../contract.ts'
import type { HttpRequest } from '../../core/http/http-client.ts'
import { badRequest } from '../../crest/errors.ts'
import { printPointer } from '../../crest/pointer.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import type { CreateRequest, PatchOperation, RequestContext, ResourceRequest } from '../../crest/protocol/request.ts'
import { childPath, pathElements } from '../../crest/protocol/resource-path.ts'
import { guardPath } from './path-guard.ts'
import { isPosted, queryString } from './resource-query.ts'

/**
 * @param path of the resource relative to the base path of the instance, percent-encoded
 * @throws ResourceException 400 for a path that would leave the base path, or a revision that is not an entity tag
 */
export function remoteRequest(request: ResourceRequest, path: string, context: RequestContext): HttpRequest {
  const { method, path: target = path, condition = {}, content } = essence(request, path)
  guardPath(target)
  return {
    method,
    path: target + queryString(request),
    headers: { ...version(request), ...condition, ...transaction(context) },
    body: content === undefined ? undefined : JSON.stringify(content),
    signal: context.signal,
  }
}

interface Essence {
  readonly method: HttpRequest['method']
  /** If different from the path of the request. */
  readonly path?: string
  readonly condition?: Readonly<Record<string, string>>
  readonly content?: Json | undefined
}

function essence(request: ResourceRequest, path: string): Essence {
  switch (request.method) {
    case 'create':
      return creation(request, path)
    case 'read':
    case 'query':
      return { method: 'GET' }
    case 'update': {
      // An unconditional PUT would create a missing object.
      const condition = request.revision === null ? { 'if-match': '*' } : ifMatch(request.revision)
      return { method: 'PUT', condition, content: identifiedBy(path, request.content) }
    }
    case 'patch':
      return { method: 'PATCH', condition: ifMatch(request.revision), content: request.patchOperations.map(operation) }
    case 'delete':
      return { method: 'DELETE', condition: ifMatch(request.revision) }
    case 'action':
      return { method: 'POST', content: request.content ?? undefined }
  }
}

function creation(request: CreateRequest, path: string): Essence {
  const { newResourceId, content } = request
  // Some remotes compare `_rev` in a body, and a new object has none.
  if (newResourceId === null) return { method: 'POST', content: withoutIdentity(content) }
  if (newResourceId === '') throw badRequest('The id of a resource cannot be empty')
  const target = childPath(path, newResourceId.toWellFormed())
  if (isPosted(request)) {
    guardPath(target)
    return { method: 'POST', content: { ...withoutIdentity(content), _id: newResourceId } }
  }
  const { _rev, ...object } = identifiedBy(target, content)
  return { method: 'PUT', path: target, condition: { 'if-none-match': '*' }, content: object }
}

/**
 * The body of a PUT. A different `_id` is replaced by the one in the path, because OpenIDM creates the object that the
 * body names. A missing `_id` stays missing.
 */
function identifiedBy(path: string, content: JsonObject): JsonObject {
  if (!Object.hasOwn(content, '_id')) return content
  const elements = pathElements(path)
  // The `_id` of a configuration object spans several elements: `external.idm/eu`.
  const isOwn = typeof content._id === 'string' && `/${elements.join('/')}`.endsWith(`/${content._id}`)
  return isOwn ? content : { ...content, _id: elements.at(-1) ?? '' }
}

function ifMatch(revision: string | null): Record<string, string> {
  if (revision === null) return {}
  if (/^[ !#-~]+$/.test(revision)) return { 'if-match': `"${revision}"` }
  throw badRequest('The revision is none that a remote can have given out')
}

const operation = ({ operation, field, value, from }: PatchOperation): Json => ({
  operation,
  field: printPointer(field),
  ...(value === undefined ? {} : { value }),
  ...(from === undefined ? {} : { from: printPointer(from) }),
})

const version = ({ resourceVersion }: ResourceRequest): Record<string, string> =>
  resourceVersion === undefined ? {} : { 'accept-api-version': `resource=${resourceVersion}` }

/** Our request is part of the caller's transaction (X-ForgeRock-TransactionId). */
const transaction = ({ transactionId }: RequestContext): Record<string, string> =>
  transactionId !== undefined && /^[!-~]+$/.test(transactionId)
    ? { 'x-forgerock-transactionid': `${transactionId}/0` }
    : {}
