/** A resource request as the HTTP request that means the same at the remote. */
import type { Json, JsonObject } from '../../contract.ts'
import type { HttpRequest } from '../../core/http/http-client.ts'
import { badRequest } from '../../crest/errors.ts'
import { printPointer } from '../../crest/pointer.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import type { CreateRequest, PatchOperation, RequestContext, ResourceRequest } from '../../crest/protocol/request.ts'
import { childPath, pathElements } from '../../crest/protocol/resource-path.ts'
import { guardPath } from './path-guard.ts'
import { queryString } from './resource-query.ts'

/**
 * @param path of the resource behind the instance's base path, percent-encoded
 * @throws ResourceException 400 for a path that would leave the base path, or a revision that no remote gives out
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
  /** Where it is not the path of the request. */
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
      // Without a condition a PUT would create what is not there.
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

function creation({ newResourceId, content }: CreateRequest, path: string): Essence {
  // Some remotes compare a `_rev` in a body, and what does not exist yet has none.
  if (newResourceId === null) return { method: 'POST', content: withoutIdentity(content) }
  if (newResourceId === '') throw badRequest('The id of a resource cannot be empty')
  const target = childPath(path, newResourceId.toWellFormed())
  const { _rev, ...object } = identifiedBy(target, content)
  return { method: 'PUT', path: target, condition: { 'if-none-match': '*' }, content: object }
}

/**
 * The body of a PUT as the caller wrote it, but for an `_id` that is not the one in the path: OpenIDM creates the object
 * that the body names. A missing `_id` stays missing.
 */
function identifiedBy(path: string, content: JsonObject): JsonObject {
  if (!Object.hasOwn(content, '_id')) return content
  const elements = pathElements(path)
  // The `_id` of a configuration object takes up several elements: `external.idm/eu`.
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

/** A request of ours is a part of the caller's transaction (X-ForgeRock-TransactionId). */
const transaction = ({ transactionId }: RequestContext): Record<string, string> =>
  transactionId !== undefined && /^[!-~]+$/.test(transactionId)
    ? { 'x-forgerock-transactionid': `${transactionId}/0` }
    : {}
