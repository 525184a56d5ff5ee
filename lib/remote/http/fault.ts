/** Error responses for a failed exchange with a remote or its token endpoint. */
import { FAULTS, type FaultName } from '../../core/http/fault.ts'
import { ResourceException } from '../../crest/errors.ts'

/** @param cause for the log only */
export function faultException(
  instance: string,
  fault: FaultName,
  cause: unknown,
  side: 'remote' | 'token endpoint' = 'remote',
): ResourceException {
  const { status, text } = FAULTS[fault]
  const subject = side === 'remote' ? 'Remote instance' : 'Token endpoint of remote instance'
  return new ResourceException(status, `${subject} "${instance}": ${text}`, { cause })
}

/**
 * A 401 of the remote concerns the credentials of the instance: the caller's own have already been accepted
 * (docs/pitfalls.md#credential-leaks).
 */
export function refusedCredentials(instance: string, authType: 'basic' | 'bearer'): ResourceException {
  const keys = authType === 'basic' ? 'userName and password' : 'clientId and the static user mapping'
  const message = `Remote instance "${instance}": it refused the credentials of its configuration; check ${keys}`
  return new ResourceException(401, message)
}

/** The milliseconds that `Retry-After` asks for: seconds or a date (RFC 9110, section 10.2.3); undefined if neither. */
export function retryAfterMs(header: unknown): number | undefined {
  if (typeof header !== 'string') return undefined
  if (/^\d{1,6}$/.test(header.trim())) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}
