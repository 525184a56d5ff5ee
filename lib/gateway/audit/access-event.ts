import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Json, JsonObject } from '../../contract.ts'
import { hideUserInfo, isSecretName, STARS } from '../../core/hidden-secrets.ts'
import type { AuditEvent } from '../../core/telemetry/audit.ts'
import { authorityOf, isEncrypted } from '../../crest/http/message.ts'
import type { SecurityContext } from '../../crest/protocol/request.ts'

/** An answered request. */
export interface Access {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** As sent by the caller: both are replaced on the way. */
  readonly method: string
  readonly target: string
  readonly transactionId: string
  /** undefined for a caller without identity. */
  readonly identity: SecurityContext | undefined
  /** Whether the caller has the whole response. */
  readonly isComplete: boolean
  readonly milliseconds: number
}

/** What is recorded only when it is asked for. */
export interface Included {
  readonly headers: readonly string[]
  readonly parameters: boolean
}

/** The headers that IDM records. */
const HEADERS = [
  'accept',
  'accept-api-version',
  'content-type',
  'host',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
  'x-requested-with',
]
const MAX_LENGTH = 1000

const CREDENTIALS = /^(?:proxy-)?authorization$|^cookie$|password|secret|token/

/** An event of the topic `access`. Values of parameters may be secrets, so that they are left out. */
export function accessEvent(access: Access, included: Included): AuditEvent {
  const { request, transactionId, identity, milliseconds } = access
  const { socket } = request
  const [path = '', query = ''] = splitAt(access.target, '?')
  const scheme = isEncrypted(request) ? 'https' : 'http'
  const authority = authorityOf(request)
  return {
    eventName: 'access',
    transactionId,
    userId: identity?.authenticationId ?? null,
    server: { ip: socket.localAddress ?? '', port: socket.localPort ?? 0 },
    client: { ip: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    request: { protocol: 'CREST', ...operationOf(access.method, query, request) },
    http: {
      request: {
        secure: scheme === 'https',
        method: access.method,
        path: shortened(authority === undefined || !path.startsWith('/') ? path : `${scheme}://${authority}${path}`),
        ...(included.parameters && { queryParameters: parametersOf(query) }),
        headers: headersOf(request, included.headers),
      },
    },
    response: { ...outcomeOf(access), elapsedTime: Math.round(milliseconds), elapsedTimeUnits: 'MILLISECONDS' },
    ...(identity && { roles: [...identity.authorization.roles] }),
  }
}

function outcomeOf({ response, isComplete }: Access): JsonObject {
  const { statusCode, headersSent } = response
  if (!headersSent) return { status: 'FAILED', detail: { reason: 'No response' } }
  if (!isComplete) return { status: 'FAILED', statusCode: `${statusCode}`, detail: { reason: 'The caller has left' } }
  if (statusCode < 400) return { status: 'SUCCESSFUL', statusCode: `${statusCode}` }
  return { status: 'FAILED', statusCode: `${statusCode}`, detail: { reason: STATUS_CODES[statusCode] ?? 'Unknown' } }
}

const OPERATIONS: Readonly<Record<string, string>> = {
  GET: 'READ',
  HEAD: 'READ',
  POST: 'ACTION',
  PUT: 'UPDATE',
  PATCH: 'PATCH',
  DELETE: 'DELETE',
}

/** As Common REST names the request. */
function operationOf(method: string, query: string, { headers }: IncomingMessage): JsonObject {
  const operation = OPERATIONS[method] ?? method
  if (operation === 'UPDATE' && headers['if-none-match'] === '*') return { operation: 'CREATE' }
  if (operation === 'READ' && /(?:^|&)_query(?:Filter|Id|Expression)=/.test(query)) return { operation: 'QUERY' }
  if (operation !== 'ACTION') return { operation }
  const [, action = 'create'] = /(?:^|&)_action=(\w{1,64})(?:&|$)/.exec(query) ?? []
  return action === 'create' ? { operation: 'CREATE' } : { operation, detail: { action } }
}

function headersOf({ headers }: IncomingMessage, more: readonly string[]): JsonObject {
  const own: JsonObject = {}
  for (const name of HEADERS) add(own, name, headers[name])
  for (const name of more) if (!CREDENTIALS.test(name)) add(own, name, headers[name])
  return own
}

function add(own: JsonObject, name: string, value: string | string[] | undefined): void {
  if (value !== undefined) own[name] = [shortened(hideUserInfo(String(value)))]
}

/** Lists by name. */
function parametersOf(query: string): JsonObject {
  const found = new Map<string, Json[]>()
  for (const [name, value] of new URLSearchParams(query)) {
    const shown = isSecretName(name) ? STARS : shortened(value)
    found.set(name, [...(found.get(name) ?? []), shown])
  }
  return Object.fromEntries(found)
}

const shortened = (text: string): string => (text.length > MAX_LENGTH ? text.slice(0, MAX_LENGTH) : text)

function splitAt(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
