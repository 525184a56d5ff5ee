import type { OutgoingHttpHeaders } from 'node:http'
import type { Json } from '../../contract.ts'
import { badRequest } from '../errors.ts'
import { getAt } from '../pointer.ts'
import { conditionsOf } from '../protocol/conditions.ts'
import { countResults, isCountOnly } from '../protocol/count.ts'
import { representQuery, representResource } from '../protocol/represent.ts'
import type { RequestContext, Resource, ResourceRequest } from '../protocol/request.ts'
import { childPath } from '../protocol/resource-path.ts'
import type { ResourceRouter } from '../protocol/router.ts'
import type { HttpCall } from './request.ts'

/** An answer before it is written: JSON in `body`, or `bytes` with their own type in `headers`; neither = no body. */
export interface Reply {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body?: Json | object
  readonly bytes?: Buffer
}

/** Sends a request to the router, and converts the answer to HTTP. @param url of the request, without its query */
export async function replyTo(
  router: ResourceRouter,
  request: ResourceRequest,
  context: RequestContext,
  call: HttpCall,
  url: string,
): Promise<Reply> {
  if (request.method === 'query' && isCountOnly(call.parameters))
    return { status: 200, headers: {}, body: { resultCount: await countResults(router, request, context) } }
  if (request.method === 'query')
    return { status: 200, headers: {}, body: representQuery(await router.handle(request, context)) }
  if (request.method === 'action') {
    const body = await router.handle(request, context)
    return body === undefined ? { status: 204, headers: {} } : { status: 200, headers: {}, body }
  }
  const resource = await router.handle(request, context)
  if (request.method === 'read') return replyToRead(resource, call, request)
  const created = request.method === 'create' || resource.created === true
  const headers = created
    ? { ...entityTag(resource), Location: locationOf(resource, request, call, url) }
    : entityTag(resource)
  return { status: created ? 201 : 200, headers, body: representResource(resource) }
}

function replyToRead(resource: Resource, call: HttpCall, { fields }: ResourceRequest): Reply {
  const headers = entityTag(resource)
  if (resource.revision !== null && conditionsOf(call.headers).ifNoneMatch === resource.revision)
    return { status: 304, headers }
  const body = representResource(resource)
  const mimeType = call.parameters.get('_mimeType')
  if (mimeType === undefined) return { status: 200, headers, body }
  const [field] = fields
  if (field === undefined || fields.length > 1) throw badRequest('_mimeType requires exactly one field in _fields')
  return { status: 200, ...raw(getAt(body, field) ?? null, mimeType, headers) }
}

/** The raw value of a field, decoded from base64 if it is not text. The headers keep browsers from running it. */
function raw(value: Json, mimeType: string, headers: OutgoingHttpHeaders): Pick<Reply, 'headers' | 'bytes'> {
  if (!/^[\w.+-]{1,64}\/[\w.+-]{1,64}$/.test(mimeType))
    throw badRequest(`The mime type parameter '${mimeType}' can't be parsed: it is of the form type/subtype`)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const isText = /^text\/|[/+](json|xml)$/i.test(mimeType) || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)
  return {
    bytes: Buffer.from(text, isText ? 'utf8' : 'base64'),
    headers: {
      ...headers,
      'Content-Type': isText ? `${mimeType};charset=utf-8` : mimeType,
      'Content-Security-Policy': "default-src 'none'; sandbox",
      'X-Content-Type-Options': 'nosniff',
    },
  }
}

const entityTag = ({ revision }: Resource): OutgoingHttpHeaders => (revision === null ? {} : { ETag: `"${revision}"` })

/**
 * The URL of a PUT is that of the resource, the URL of a POST that of its collection. An id that the client chose takes
 * precedence, since the id of a resource may contain the name of the collection (`external.idm/eu` in `config/external.idm`).
 */
const locationOf = ({ id }: Resource, request: ResourceRequest, { method }: HttpCall, url: string): string => {
  const chosen = request.method === 'create' ? request.newResourceId : null
  return method === 'PUT' ? url : childPath(url, chosen ?? id)
}
