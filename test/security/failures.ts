import type { AddressInfo, LookupFunction } from 'node:net'
import { createServer } from 'node:net'
import { held, reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { garbage, rawAnswer, resetBeforeHeaders, silence } from '../helpers/faults.ts'
import { toLoopback } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { startRemote } from '../helpers/remote.ts'
import { oauthError, startTokenServer } from '../helpers/token-server.ts'
import { basicOf, bearerOf, startTlsRemote } from '../proxy/mounted.ts'

/** One way in which an exchange goes wrong, and what the caller is told. */
export interface Failure {
  readonly title: string
  readonly status: number
  readonly message: string
  /** Builds the accident and returns the content of the instance's file. */
  readonly arrange: () => Promise<object>
}

const SOON = { connectionTimeout: '10s', socketTimeout: '100 ms' }
const HOST = 'idm.example.com'
/** What a Java server answers to plain HTTP on its TLS port. */
const TLS_ALERT = Buffer.of(0x15, 3, 3, 0, 2, 2, 0x50)
const REMOTE = 'Remote instance "eu": '
const TOKEN = 'Token endpoint of remote instance "eu": '

/** Every name is this machine, but for those that do not exist. */
export const lookup: LookupFunction = (name, options, callback) => {
  if (!name.startsWith('nowhere.')) return toLoopback(name, options, callback)
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND', hostname: name })
  callback(error, [])
}

/** A remote whose port nobody listens at any more. */
async function gone(): Promise<{ url: string; tokenEndpoint: string }> {
  const remote = await startTlsRemote()
  const { url, origin } = remote
  await remote.close()
  return { url, tokenEndpoint: `${origin}/token` }
}

/** Accepts connections and says nothing: a TLS handshake with it never ends. */
async function mute(): Promise<string> {
  const server = createServer((socket) => onCleanUp(() => socket.destroy()))
  onCleanUp(() => void server.close())
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return `https://${HOST}:${(server.address() as AddressInfo).port}/openidm/`
}

const withTls = (make: () => Promise<{ certificate: string; key: string }>) => async () =>
  basicOf(await startTlsRemote({ tls: await make() }))

const withTokens = async (tokens: { tokenEndpoint: string }, more: object = {}) =>
  bearerOf(await startTlsRemote(), tokens, more)

/** What docs/operations.md#failures-and-recovery states, as far as one request shows it. */
export const FAILURES: readonly Failure[] = [
  {
    title: 'nobody listens',
    status: 502,
    message: `${REMOTE}it refused the connection`,
    arrange: async () => basicOf(await gone()),
  },
  {
    title: 'the name does not resolve',
    status: 502,
    message: `${REMOTE}its host name does not resolve`,
    arrange: async () => basicOf({ url: 'https://nowhere.example.com:8443/openidm/' }),
  },
  {
    title: 'the connection is reset',
    status: 502,
    message: `${REMOTE}it closed the connection before the response was complete`,
    arrange: async () => basicOf(await startTlsRemote({ behaviour: resetBeforeHeaders() })),
  },
  {
    title: 'the remote speaks another protocol',
    status: 502,
    message: `${REMOTE}what it sent is no HTTP response`,
    arrange: async () => basicOf(await startTlsRemote({ behaviour: garbage() })),
  },
  {
    title: 'the remote speaks TLS, and its URL says http',
    status: 502,
    message: `${REMOTE}it speaks TLS on this port; use https:// in its URL`,
    arrange: async () => basicOf(await startRemote({ behaviour: rawAnswer(TLS_ALERT) })),
  },
  {
    title: 'the headers of the answer have no end',
    status: 502,
    message: `${REMOTE}the headers of its response are too large`,
    arrange: async () => {
      const behaviour = rawAnswer(`HTTP/1.1 200 OK\r\n${'x-filler: 127.0.0.1\r\n'.repeat(5000)}\r\n`)
      return basicOf(await startTlsRemote({ behaviour }))
    },
  },
  {
    title: 'the authority of the certificate is unknown',
    status: 502,
    message: `${REMOTE}its certificate is not trusted; import its certificate, or that of its authority, into security/truststore`,
    arrange: withTls(async () => (await testPki()).unknown(HOST)),
  },
  {
    title: 'the certificate has expired',
    status: 502,
    message: `${REMOTE}its certificate has expired`,
    arrange: withTls(async () => (await testPki()).expired(HOST)),
  },
  {
    title: 'the certificate is not valid yet',
    status: 502,
    message: `${REMOTE}its certificate is not valid yet`,
    arrange: withTls(async () => (await testPki()).notYetValid(HOST)),
  },
  {
    title: 'the certificate is for another host',
    status: 502,
    message: `${REMOTE}its certificate was issued for another host name`,
    arrange: withTls(async () => (await testPki()).wrongHost()),
  },
  {
    title: 'the remote does not speak TLS',
    status: 502,
    message: `${REMOTE}the TLS handshake failed`,
    arrange: async () => basicOf({ url: (await startRemote()).url.replace('http:', 'https:') }),
  },
  {
    title: 'the handshake never ends',
    status: 504,
    message: `${REMOTE}connecting to it took too long`,
    arrange: async () => basicOf({ url: await mute() }, { connectionTimeout: '100 ms' }),
  },
  {
    title: 'the remote does not answer',
    status: 504,
    message: `${REMOTE}it did not begin to answer in time`,
    arrange: async () => basicOf(await startTlsRemote({ behaviour: silence() }), SOON),
  },
  {
    title: 'the remote refuses the password',
    status: 401,
    message: `${REMOTE}it refused the credentials of its configuration; check userName and password`,
    arrange: async () => basicOf(await startTlsRemote({ behaviour: reply({ status: 401 }) })),
  },
  {
    title: 'the token endpoint refuses the client',
    status: 401,
    message: `${TOKEN}it refused the client (400, invalid_grant); check clientId, clientSecret, scope and tokenEndpointAuthMethod, and that the client may use client_credentials`,
    arrange: async () => {
      const tokens = await startTokenServer()
      tokens.answer(oauthError(400, 'invalid_grant', 'at 127.0.0.1'))
      return withTokens(tokens)
    },
  },
  {
    title: 'nobody listens at the token endpoint',
    status: 502,
    message: `${TOKEN}it refused the connection`,
    arrange: async () => withTokens(await gone()),
  },
  {
    title: 'the name of the token endpoint does not resolve',
    status: 502,
    message: `${TOKEN}its host name does not resolve`,
    arrange: () => withTokens({ tokenEndpoint: 'https://nowhere.example.com:8443/token' }),
  },
  {
    title: 'the certificate of the token endpoint has expired',
    status: 502,
    message: `${TOKEN}its certificate has expired`,
    arrange: async () => withTokens(await startTokenServer({ tls: await (await testPki()).expired('am.example.com') })),
  },
  {
    title: 'the token endpoint does not answer',
    status: 504,
    message: `${TOKEN}it did not begin to answer in time`,
    arrange: async () => {
      const tokens = await startTokenServer()
      tokens.answer(held())
      return withTokens(tokens, { connectionTimeout: '300 ms', socketTimeout: '300 ms' })
    },
  },
]
