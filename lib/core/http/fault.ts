/**
 * Faults of outgoing requests, as a table: status and safe text by kind. A text never names an inner address
 * (docs/pitfalls.md#inner-addresses); the cause goes to the log only.
 */
import { OUT_OF_FILES_TEXT } from '../system-error.ts'

export type Phase = 'queue' | 'queueFull' | 'connect' | 'response' | 'idle' | 'total'

/** A deadline that passed; aborts the request with a reason of its own (docs/pitfalls.md#anonymous-timeouts). */
export class DeadlineError extends Error {
  readonly phase: Phase

  constructor(phase: Phase) {
    super(`deadline passed: ${phase}`)
    this.name = 'DeadlineError'
    this.phase = phase
  }
}

/** The forward proxy answered instead of the server. */
export class ForwardProxyError extends Error {
  readonly code: 'ERR_PROXY_TUNNEL' | 'ERR_PROXY_AUTHENTICATION'

  constructor(status: number | undefined) {
    super(`the forward proxy answered ${status}`)
    this.name = 'ForwardProxyError'
    this.code = status === 407 ? 'ERR_PROXY_AUTHENTICATION' : 'ERR_PROXY_TUNNEL'
  }
}

interface FaultKind {
  readonly status: 502 | 503 | 504
  readonly text: string
}

const TRUST_CURE = 'import its certificate, or that of its authority, into security/truststore'

/** Status and text by kind of fault; the text completes a sentence about the server. */
export const FAULTS = {
  nameResolution: { status: 502, text: 'its host name does not resolve' },
  refused: { status: 502, text: 'it refused the connection' },
  unreachable: { status: 502, text: 'its network is unreachable' },
  reset: { status: 502, text: 'it closed the connection before the response was complete' },
  notHttp: { status: 502, text: 'what it sent is no HTTP response' },
  tlsExpected: { status: 502, text: 'it speaks TLS on this port; use https:// in its URL' },
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
  total: { status: 504, text: 'the exchange with it took too long' },
  openFiles: { status: 503, text: `it was not asked: ${OUT_OF_FILES_TEXT}` },
  unexpected: { status: 502, text: 'the exchange with it failed' },
} as const satisfies Record<string, FaultKind>

export type FaultName = keyof typeof FAULTS

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
  ERR_PROXY_AUTHENTICATION: 'forwardProxyCredentials',
  EPROTO: 'tls',
}

/** Prefixes of code families, after the table. */
const BY_PREFIX: readonly (readonly [string, FaultName])[] = [
  ['HPE_', 'notHttp'],
  ['ERR_SSL_', 'tls'],
  ['ERR_TLS_', 'tls'],
  ['CERT_', 'certificateInvalid'],
  ['INVALID_', 'certificateInvalid'],
]

/** The kind of fault behind an error of Node's http, tls or dns, or of undici. */
export function faultOf(error: unknown): FaultName {
  if (error instanceof DeadlineError) return error.phase
  const code = codeOf(error)
  if (code === undefined) return 'unexpected'
  if (code.startsWith('HPE_') && isTlsAlert(error)) return 'tlsExpected'
  return BY_CODE[code] ?? BY_PREFIX.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'unexpected'
}

/** A TLS alert record (RFC 8446, section 5.1): the server's response to plain HTTP. Node and undici keep the bytes. */
function isTlsAlert(error: unknown): boolean {
  const { rawPacket, data } = error as { readonly rawPacket?: Buffer; readonly data?: string }
  return (rawPacket?.toString('latin1') ?? data ?? '').startsWith('\x15\x03')
}

/** The code of an error, or of its cause (a connect that failed for several addresses holds their errors). */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  // undici's parser gives most of its errors no code.
  if (error.name === 'HTTPParserError') return 'HPE_UNKNOWN'
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return codeOf(error.cause)
}

/** Faults that occur only before a request is sent. A broken connection may report the others later, too. */
export const UNSENT_FAULTS: readonly FaultName[] = [
  'nameResolution',
  'refused',
  'certificateUnknown',
  'certificateExpired',
  'certificateNotYetValid',
  'certificateHostName',
  'certificateInvalid',
  'forwardProxyCredentials',
  'queue',
  'queueFull',
  'circuit',
  'openFiles',
]

/** Whether an error proves that its request was not sent. */
export function provesUnsent(error: unknown): boolean {
  if (error instanceof DeadlineError) return ['queue', 'queueFull', 'connect'].includes(error.phase)
  return UNSENT_FAULTS.includes(faultOf(error))
}

/** The text of a fault for a person, without a subject. */
export const faultText = (fault: FaultName): string => FAULTS[fault].text

/** Faults of a connection that was never made: with a forward proxy, the connection to the proxy. */
const CONNECTING: ReadonlySet<FaultName> = new Set(['nameResolution', 'refused', 'unreachable'])

/** The kind of fault behind an error, given whether a forward proxy was in between. */
export function faultBehind({ proxy }: { readonly proxy?: object | undefined }, error: unknown): FaultName {
  const fault = faultOf(error)
  return proxy && CONNECTING.has(fault) ? 'forwardProxy' : fault
}
