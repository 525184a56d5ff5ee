import assert from 'node:assert/strict'
import {
  codeOf,
  DeadlineError,
  type FaultName,
  ForwardProxyError,
  faultOf,
  faultText,
} from '../../lib/core/http/fault.ts'
import { faultException } from '../../lib/remote/http/fault.ts'

const withCode = (code: string): Error => Object.assign(new Error(`${code} 10.0.0.5:8443`), { code })

const CURE = 'import its certificate, or that of its authority, into security/truststore'

/** What the caller is told, by kind. */
const KINDS: Record<FaultName, [status: number, text: string]> = {
  nameResolution: [502, 'its host name does not resolve'],
  refused: [502, 'it refused the connection'],
  unreachable: [502, 'its network is unreachable'],
  reset: [502, 'it closed the connection before the response was complete'],
  notHttp: [502, 'what it sent is no HTTP response'],
  tlsExpected: [502, 'it speaks TLS on this port; use https:// in its URL'],
  answerTooLarge: [502, 'its answer is larger than the gateway reads'],
  headersTooLarge: [502, 'the headers of its response are too large'],
  certificateUnknown: [502, `its certificate is not trusted; ${CURE}`],
  certificateExpired: [502, 'its certificate has expired'],
  certificateNotYetValid: [502, 'its certificate is not valid yet'],
  certificateHostName: [502, 'its certificate was issued for another host name'],
  certificateInvalid: [502, 'its certificate is not acceptable'],
  tls: [502, 'the TLS handshake failed'],
  forwardProxy: [502, 'the forward proxy can not be reached, or refused the connection'],
  forwardProxyCredentials: [
    502,
    'the forward proxy refused the credentials; check userName and password of proxy, or HTTPS_PROXY',
  ],
  queue: [503, 'all of its connections are busy'],
  queueFull: [503, 'all of its connections are busy, and too many requests wait for one'],
  circuit: [503, 'it could not be reached the last times; it is tried again in a moment'],
  connect: [504, 'connecting to it took too long'],
  response: [504, 'it did not begin to answer in time'],
  idle: [504, 'it stopped sending in the middle of the exchange'],
  total: [504, 'the exchange with it took too long'],
  openFiles: [
    503,
    'it was not asked: the gateway has reached its limit of open files and connections; raise it (ulimit -n)',
  ],
  unexpected: [502, 'the exchange with it failed'],
}

const CODES: Record<string, FaultName> = {
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
  HPE_INVALID_CONSTANT: 'notHttp',
  HPE_UNEXPECTED_CONTENT_LENGTH: 'notHttp',
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
  CERT_REVOKED: 'certificateInvalid',
  CERT_SIGNATURE_FAILURE: 'certificateInvalid',
  INVALID_PURPOSE: 'certificateInvalid',
  INVALID_CA: 'certificateInvalid',
  EPROTO: 'tls',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'tls',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'tls',
  ERR_PROXY_TUNNEL: 'forwardProxy',
  ERR_PROXY_AUTHENTICATION: 'forwardProxyCredentials',
  SOMETHING_NEW: 'unexpected',
}

describe('faults', () => {
  for (const [code, fault] of Object.entries(CODES)) {
    it(`${code} is ${fault}`, () => {
      assert.equal(faultOf(withCode(code)), fault)
      assert.equal(faultOf(new Error('fetch failed', { cause: withCode(code) })), fault)
      assert.equal(faultOf(new AggregateError([withCode(code), withCode('ENOTFOUND')])), fault)
    })
  }

  for (const phase of ['queue', 'connect', 'response', 'idle', 'total'] as const) {
    it(`a deadline that passed while ${phase} is ${phase}`, () =>
      assert.equal(faultOf(new DeadlineError(phase)), phase))
  }

  for (const [status, fault] of [
    [502, 'forwardProxy'],
    [407, 'forwardProxyCredentials'],
  ] as const) {
    it(`a forward proxy that answers ${status} is ${fault}`, () => {
      assert.equal(faultOf(new ForwardProxyError(status)), fault)
      assert.equal(faultOf(new Error('x', { cause: new ForwardProxyError(status) })), fault)
    })
  }

  it('an error of the parser of undici is known by its name', () => {
    assert.equal(faultOf(Object.assign(new Error('x'), { name: 'HTTPParserError', code: undefined })), 'notHttp')
  })

  it('whatever else was thrown is unexpected', () => {
    for (const error of [
      undefined,
      null,
      'ECONNREFUSED',
      { code: 'ECONNREFUSED' },
      new Error('x'),
      new AggregateError([]),
    ])
      assert.equal(faultOf(error), 'unexpected')
    assert.equal(codeOf(Object.assign(new Error('x'), { code: 5 })), undefined)
  })

  for (const [fault, [status, text]] of Object.entries(KINDS)) {
    it(`tells the caller ${status}: ${text}`, () => {
      const cause = withCode('ECONNREFUSED')
      const remote = faultException('eu', fault as FaultName, cause)
      assert.deepEqual([remote.code, remote.message], [status, `Remote instance "eu": ${text}`])
      assert.equal(remote.cause, cause)
      const token = faultException('eu', fault as FaultName, cause, 'token endpoint')
      assert.deepEqual([token.code, token.message], [status, `Token endpoint of remote instance "eu": ${text}`])
      assert.equal(faultText(fault as FaultName), text)
      assert.ok(!JSON.stringify([remote, token]).includes('10.0.0.5'))
    })
  }
})
