import type { IncomingMessage } from 'node:http'
import type { Awaitable } from '../../core/awaitable.ts'
import type { AuditEvent, AuditLog } from '../../core/telemetry/audit.ts'
import { toResourceException } from '../../crest/errors.ts'
import { type Credentials, credentialsOf } from '../access/credentials.ts'
import type { Identity } from '../access/password-store.ts'

/** Identifies a caller, and records the outcome. A request without credentials tries nothing: it is no failed login. */
export function auditedLogin(
  audit: AuditLog,
  request: IncomingMessage,
  transactionId: string,
  identify: () => Awaitable<Identity>,
): Awaitable<Identity> {
  const succeeded = (identity: Identity): Identity => {
    if (audit.wants('authentication', 'SUCCESSFUL'))
      audit.record('authentication', successEvent(request, transactionId, identity))
    return identity
  }
  const failed = (error: unknown): never => {
    const credentials = givenIn(request)
    if (credentials?.kind !== 'none')
      audit.record('authentication', failureEvent(request, transactionId, credentials, error))
    throw error
  }
  try {
    const identified = identify()
    return identified instanceof Promise ? identified.then(succeeded, failed) : succeeded(identified)
  } catch (error) {
    return failed(error)
  }
}

/** undefined: there are some, of a kind that is not known. */
function givenIn({ headers }: IncomingMessage): Credentials | undefined {
  try {
    return credentialsOf(headers)
  } catch {
    return undefined
  }
}

/** For identities of bearer tokens and of callers without credentials, which no module has found. */
const OTHER_MODULE = 'RS_FILTER'

function successEvent(request: IncomingMessage, transactionId: string, identity: Identity): AuditEvent {
  const { authenticationId, authorization } = identity
  const { component, id, roles, moduleId = OTHER_MODULE } = authorization
  const info = { 'org.forgerock.authentication.principal': authenticationId }
  return {
    eventName: 'authentication',
    transactionId,
    userId: authenticationId,
    result: 'SUCCESSFUL',
    principal: [authenticationId],
    context: { component, roles: [...roles], ipAddress: request.socket.remoteAddress ?? '', id, moduleId },
    entries: [{ moduleId, result: 'SUCCESSFUL', info }],
    method: moduleId,
  }
}

const MAX_NAME_LENGTH = 256

function failureEvent(
  request: IncomingMessage,
  transactionId: string,
  credentials: Credentials | undefined,
  error: unknown,
): AuditEvent {
  const { code, message } = toResourceException(error)
  const method = credentials?.kind === 'bearer' ? OTHER_MODULE : 'PASSWORD'
  return {
    eventName: 'authentication',
    transactionId,
    userId: null,
    result: 'FAILED',
    principal: credentials?.kind === 'password' ? [credentials.username.slice(0, MAX_NAME_LENGTH)] : [],
    context: { ipAddress: request.socket.remoteAddress ?? '' },
    entries: [{ moduleId: method, result: 'FAILED', reason: { code, message }, info: {} }],
    method,
  }
}
