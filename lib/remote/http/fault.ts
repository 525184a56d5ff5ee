/**
 * What can go wrong between us and a remote, as a table: status and safe text by kind. The text names the instance and
 * the kind of fault, never an inner address (docs/pitfalls.md#inner-addresses); the cause is for the log.
 */

import { OUT_OF_FILES_TEXT } from '../../core/system-error.ts'
import { ResourceException } from '../../crest/errors.ts'

export type Phase = 'queue' | 'queueFull' | 'connect' | 'response' | 'idle'
export type Side = 'remote' | 'token endpoint'

/** A deadline of ours that passed; aborts the request with its own reason (docs/pitfalls.md#anonymous-timeouts). */
export class DeadlineError extends Error {
  readonly phase: Phase

  constructor(phase: Phase) {
    super(`deadline passed: ${phase}`)
    this.name = 'DeadlineError'
    this.phase = phase
  }
}

/** What a forward proxy answered in place of the remote. */
export class ForwardProxyError extends Error {
  readonly code = 'ERR_PROXY_TUNNEL'

  constructor(status: number | undefined) {
    super(`the forward proxy answered ${status}`)
    this.name = 'ForwardProxyError'
  }
}

interface FaultKind {
  readonly status: 502 | 503 | 504
  readonly text: string
}

const TRUST_CURE = 'import its certificate, or that of its authority, into security/truststore'

const KINDS = {
  nameResolution: { status: 502, text: 'its host name does not resolve' },
  refused: { status: 502, text: 'it refused the connection' },
  unreachable: { status: 502, text: 'its network is unreachable' },
  reset: { status: 502, text: 'it closed the connection before the response was complete' },
  notHttp: { status: 502, text: 'what it sent is no HTTP response' },
  answerTooLarge: { status: 502, text: 'its answer is larger than the gateway reads' },
  headersTooLarge: { status: 502, text: 'the headers of its response are too large' },
  certificateUnknown: { status: 502, text: `its certificate is not trusted; ${TRUST_CURE}` },
  certificateExpired: { status: 502, text: 'its certificate has expired' },
  certificateNotYetValid: { status: 502, text: 'its certificate is not valid yet' },
  certificateHostName: { status: 502, text: 'its certificate was issued for another host name' },
  certificateInvalid: { status: 502, text: 'its certificate is not acceptable' },
  tls: { status: 502, text: 'the TLS handshake failed' },
  forwardProxy: { status: 502, text: 'the forward proxy can not be reached, or refused the connection' },
  forwardProxyCredentials: {
    status: 502,
    text: 'the forward proxy refused the credentials; check userName and password of proxy, or HTTPS_PROXY',
  },
  queue: { status: 503, text: 'all of its connections are busy' },
  queueFull: { status: 503, text: 'all of its connections are busy, and too many requests wait for one' },
  circuit: { status: 503, text: 'it could not be reached the last times; it is tried again in a moment' },
  connect: { status: 504, text: 'connecting to it took too long' },
  response: { status: 504, text: 'it did not begin to answer in time' },
  idle: { status: 504, text: 'it stopped sending in the middle of the exchange' },
  openFiles: { status: 503, text: `it was not asked: ${OUT_OF_FILES_TEXT}` },
  unexpected: { status: 502, text: 'the exchange with it failed' },
} as const satisfies Record<string, FaultKind>

export type FaultName = keyof typeof KINDS

const BY_CODE: Readonly<Record<string, FaultName>> = {
  EMFILE: 'openFiles',
  ENFILE: 'openFiles',
  ENOTFOUND: 'nameResolution',
  EAI_AGAIN: 'nameResolution',
  EAI_NODATA: 'nameResolution',
  EAI_NONAME: 'nameResolution',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EACCES: 'unreachable',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'reset',
  ETIMEDOUT: 'connect',
  UND_ERR_CONNECT_TIMEOUT: 'connect',
  UND_ERR_HEADERS_TIMEOUT: 'response',
  UND_ERR_BODY_TIMEOUT: 'idle',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'answerTooLarge',
  HPE_HEADER_OVERFLOW: 'headersTooLarge',
  UND_ERR_HEADERS_OVERFLOW: 'headersTooLarge',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificateUnknown',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificateUnknown',
  UNABLE_TO_GET_ISSUER_CERT: 'certificateUnknown',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificateUnknown',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificateUnknown',
  CERT_UNTRUSTED: 'certificateUnknown',
  CERT_HAS_EXPIRED: 'certificateExpired',
  CERT_NOT_YET_VALID: 'certificateNotYetValid',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificateHostName',
  HOSTNAME_MISMATCH: 'certificateHostName',
  ERR_PROXY_TUNNEL: 'forwardProxy',
  UND_ERR_PRX_CONN: 'forwardProxy',
  UND_ERR_PRX_TLS: 'forwardProxy',
  EPROTO: 'tls',
}

/** Beginnings of families of codes, looked at after the table. */
const BY_PREFIX: readonly (readonly [string, FaultName])[] = [
  ['HPE_', 'notHttp'],
  ['ERR_SSL_', 'tls'],
  ['ERR_TLS_', 'tls'],
  ['CERT_', 'certificateInvalid'],
  ['INVALID_', 'certificateInvalid'],
]

/** The kind of fault behind an error of Node's http, tls, dns or of undici. */
export function faultOf(error: unknown): FaultName {
  if (error instanceof DeadlineError) return error.phase
  const code = codeOf(error)
  if (code === undefined) return 'unexpected'
  if (code === 'ERR_PROXY_TUNNEL' && / 407\b|\(407\)/.test((error as Error).message)) return 'forwardProxyCredentials'
  return BY_CODE[code] ?? BY_PREFIX.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'unexpected'
}

/** The code of an error, or of what caused it (a failed connect to several addresses carries its errors inside). */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  // undici has no code of its own for a forward proxy that refuses.
  if (/^(Failed to establish tunnel|Proxy (response \(|Authentication Required))/.test(error.message))
    return 'ERR_PROXY_TUNNEL'
  if ('code' in error && typeof error.code === 'string') return error.code
  // undici's parser gives most of its errors no code.
  if (error.name === 'HTTPParserError') return 'HPE_UNKNOWN'
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return codeOf(error.cause)
}

/** Text for a person, without the name of the instance: used by the check as well. */
export const faultText = (fault: FaultName): string => KINDS[fault].text

/** The error that the caller sees. `cause` goes to the log only. */
export function faultException(
  instance: string,
  fault: FaultName,
  cause: unknown,
  side: Side = 'remote',
): ResourceException {
  const { status, text } = KINDS[fault]
  const subject =
    side === 'remote' ? `Remote instance "${instance}"` : `Token endpoint of remote instance "${instance}"`
  return new ResourceException(status, `${subject}: ${text}`, { cause })
}

/**
 * The remote's 401 is about us: the caller's own credentials were good, or it would not have come this far
 * (docs/pitfalls.md#credential-leaks).
 */
export function refusedCredentials(instance: string, authType: 'basic' | 'bearer'): ResourceException {
  const keys = authType === 'basic' ? 'userName and password' : 'clientId and the static user mapping'
  const message = `Remote instance "${instance}": it refused the credentials of its configuration; check ${keys}`
  return new ResourceException(401, message)
}
