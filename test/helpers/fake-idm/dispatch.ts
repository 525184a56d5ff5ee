import type { JsonObject } from '../../../lib/contract.ts'
import {
  badRequest,
  conflict,
  notFound,
  notSupported,
  preconditionFailed,
  ResourceException,
  unauthorized,
} from '../../../lib/crest/errors.ts'
import { parseFields } from '../../../lib/crest/protocol/fields.ts'
import { RESERVED_PARAMETERS } from '../../../lib/crest/protocol/reserved-parameters.ts'
import { type Answer, json } from './answer.ts'
import { queryCollection, queryEdges } from './query.ts'
import type { ObjectName } from './relationships.ts'
import { represent, showEdge } from './represent.ts'
import type { FakeRequest } from './request.ts'
import type { Entry, Store } from './store.ts'
import { create, createEdge, edgeOf, patch, remove, removeEdge, update, type Written } from './writes.ts'

/** The parts of `managed/user/u1/roles/EDGE`; empty when absent. */
interface Target {
  readonly collection: string
  readonly id: string
  readonly field: string
  readonly edge: string
}

/** The answer to a request when no interceptor applies. */
export function dispatch(store: Store, request: FakeRequest): Answer {
  try {
    return answered(store, request)
  } catch (error) {
    if (error instanceof ResourceException) return failure(error)
    throw error
  }
}

function answered(store: Store, request: FakeRequest): Answer {
  // The servlet container rejects these before OpenIDM sees them.
  if (/%2f|%25|%2e%2e|%5c/i.test(request.url.split('?', 1)[0] ?? '')) return htmlBadRequest
  checkCredentials(store, request)
  if (request.method === 'OPTIONS') return { status: 200, headers: { allow: METHODS } }
  if (request.method === 'HEAD') throw notSupported('Operation not implemented')
  checkParameters(request)
  const own = OWN_RESOURCES[request.line]
  if (own) return json(200, own)
  const target = targetOf(store, request.path)
  if (target.field !== '') return answerEdges(store, request, target)
  if (target.id === '') return answerCollection(store, request, target.collection)
  return answerObject(store, request, target)
}

const METHODS = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT', 'OPTIONS']

const htmlBadRequest: Answer = {
  status: 400,
  headers: { 'content-type': 'text/html;charset=iso-8859-1' },
  raw: '<html><head><title>Error 400 Bad Request</title></head><body>Ambiguous path</body></html>',
}

const OWN_RESOURCES: Readonly<Record<string, JsonObject>> = {
  'GET info/ping': { _id: '', state: 'ACTIVE_READY', shortDesc: 'OpenIDM ready' },
  'GET info/version': { _id: 'version', productVersion: '7.0.1', productRevision: 'fake' },
  'GET info/login': { _id: 'login', authenticationId: 'openidm-admin', authorization: { component: 'internal/user' } },
}

/** The 401 has no `WWW-Authenticate`: a client must not wait for a challenge. */
function checkCredentials({ switches: { credentials } }: Store, { headers }: FakeRequest): void {
  if (!credentials) return
  const basic = `Basic ${Buffer.from(`${credentials.userName}:${credentials.password}`).toString('base64')}`
  const own =
    headers['x-openidm-username'] === credentials.userName && headers['x-openidm-password'] === credentials.password
  if (headers.authorization !== basic && !own) throw unauthorized('Access Denied')
}

type Kind = keyof typeof RESERVED_PARAMETERS

function checkParameters(request: FakeRequest): void {
  const names = [...new URLSearchParams(request.url.split('?').slice(1).join('?')).keys()]
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw badRequest(`Multiple values provided for the single-valued parameter '${twice}'`)
  const kind = kindOf(request)
  const known = RESERVED_PARAMETERS[kind]
  const unknown = names.find((name) => name.startsWith('_') && !known.includes(name))
  if (unknown !== undefined) throw badRequest(`Unrecognized request parameter '${unknown}'`)
}

function kindOf({ method, query }: FakeRequest): Kind {
  if (method === 'GET') return '_queryFilter' in query || '_queryId' in query ? 'query' : 'read'
  if (method === 'POST') return query._action === 'create' || query._action === undefined ? 'create' : 'action'
  const kinds: Readonly<Record<string, Kind>> = { PUT: 'update', PATCH: 'patch', DELETE: 'delete' }
  const kind = kinds[method]
  if (!kind) throw notSupported(`Method ${method} is not implemented`)
  return kind
}

/** The longest collection path that is a prefix of `path`. */
function targetOf({ collections }: Store, path: string): Target {
  const owners = collections.filter((collection) => path === collection || path.startsWith(`${collection}/`))
  const collection = owners.toSorted((one, other) => other.length - one.length)[0]
  if (collection === undefined) throw notFound(`Resource '${path}' not found`)
  const [id = '', field = '', edge = '', ...rest] = path.slice(collection.length + 1).split('/')
  if (rest.length > 0) throw notFound(`Resource '${path}' not found`)
  return { collection, id, field, edge }
}

function answerCollection(store: Store, request: FakeRequest, collection: string): Answer {
  const kind = kindOf(request)
  if (kind === 'query') return json(200, queryCollection(store, collection, request.query))
  if (kind !== 'create') throw badRequest(`A ${kind} of ${collection} is not supported`)
  return shown(store, request, collection, create(store, collection, request.exactBody), 201)
}

function answerObject(store: Store, request: FakeRequest, name: ObjectName): Answer {
  const { method, exactBody, ifMatch } = request
  checkRevision(store, request)
  if (method === 'GET') return read(store, request, name)
  if (method === 'PUT') return put(store, request, name)
  if (method === 'PATCH') {
    const { patch: supported } = store.switches
    if (supported !== 'supported') throw new ResourceException(supported, 'Patch is unsupported')
    return shown(store, request, name.collection, patch(store, name, exactBody, ifMatch), 200)
  }
  if (method !== 'DELETE') throw badRequest(`Action ${request.query._action} is not supported`)
  const answer = shown(store, request, name.collection, { entry: store.get(name), changed: true }, 200)
  remove(store, name, ifMatch)
  return answer
}

/** OpenIDM 7.0.1 parses revisions as integers. */
function checkRevision({ switches }: Store, { ifMatch }: FakeRequest): void {
  if (switches.revisions === 'counter' && ifMatch !== undefined && !/^\d+$/.test(ifMatch))
    throw conflict(`Unable to parse revision ${ifMatch}`)
}

function read(store: Store, request: FakeRequest, name: ObjectName): Answer {
  const entry = store.get(name)
  if (entry.revision !== null && request.ifNoneMatch === entry.revision)
    return { status: 304, headers: { ...entityTag(entry), 'content-length': '67' } }
  return shown(store, request, name.collection, { entry, changed: true }, 200)
}

function put(store: Store, request: FakeRequest, name: ObjectName): Answer {
  const { exactBody, ifMatch, ifNoneMatch, headers } = request
  const isThere = store.exists(name)
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw badRequest(`'${ifNoneMatch}' is not supported here`)
  if (ifNoneMatch !== undefined && headers['if-match'] !== undefined) throw preconditionFailed('Two conditions')
  const creates = ifNoneMatch === '*' || (!isThere && headers['if-match'] === undefined)
  if (creates) return shown(store, request, name.collection, create(store, name.collection, exactBody, name.id), 201)
  return shown(store, request, name.collection, update(store, name, exactBody, ifMatch), 200)
}

function answerEdges(store: Store, request: FakeRequest, target: Target): Answer {
  const { field, edge: edgeId } = target
  if (!store.relationships.fields(target.collection).has(field)) throw notFound(`Resource '${request.path}' not found`)
  store.get(target)
  const kind = kindOf(request)
  if (edgeId === '' && kind === 'query') return json(200, queryEdges(store, target, field, request.query))
  if (edgeId === '' && kind === 'create') {
    const created = createEdge(store, target, field, request.exactBody)
    return json(201, edgeResource(store, target, field, created.id))
  }
  if (edgeId === '' || (kind !== 'read' && kind !== 'delete')) throw badRequest(`A ${kind} is not supported here`)
  const answer = json(200, edgeResource(store, target, field, edgeId))
  if (kind === 'delete') removeEdge(store, target, field, edgeOf(store, target, field, edgeId))
  return answer
}

function edgeResource(store: Store, name: ObjectName, field: string, id: string): JsonObject {
  const edge = edgeOf(store, name, field, id)
  return { _id: edge.id, _rev: String(edge.revision), ...showEdge(store, name, field, edge) }
}

/** A write without effect has no `ETag`. */
function shown(store: Store, request: FakeRequest, collection: string, written: Written, status: number): Answer {
  const body = represent(store, collection, written.entry, parseFields(request.query._fields))
  const answer = json(status, body, written.changed ? entityTag(written.entry) : {})
  // OpenIDM leaves the collection out.
  const location = `http://${request.headers.host}/openidm/${encodeURIComponent(written.entry.id)}`
  return status === 201 ? { ...answer, headers: { ...answer.headers, location } } : answer
}

const entityTag = ({ revision }: Entry): Record<string, string> => (revision === null ? {} : { etag: `"${revision}"` })

/** OpenIDM HTML-escapes its messages. */
function failure(error: ResourceException): Answer {
  const { message, ...rest } = error.toJSON()
  const escaped = message.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  return json(error.code, {
    code: rest.code,
    reason: rest.reason,
    message: escaped,
    ...(rest.detail === undefined ? {} : { detail: rest.detail }),
  })
}
