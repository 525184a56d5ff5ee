import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Provider } from 'oidc-provider'
import type { KeyPair } from '../../examples/demo/certificate-authority.ts'
import { type Behaviour, reply } from './behaviours.ts'
import { testPki } from './pki.ts'
import type { RecordedRequest } from './recorded-request.ts'
import { type Remote, startRemote } from './remote.ts'
import { createProvider, type TokenAnswer, type TokenClient } from './token-provider.ts'
import { TokenStore } from './token-store.ts'

export type { TokenAnswer, TokenClient } from './token-provider.ts'

export interface TokenServerOptions {
  /** `DEFAULT_CLIENT` unless given. */
  readonly clients?: readonly TokenClient[]
  /** `fr:idm:*` unless given. */
  readonly scopes?: readonly string[]
  /** Of the tokens, in seconds; 3600 unless given. */
  readonly lifetime?: number
  /** `am.example.com` unless given; callers need a lookup to loopback for it. */
  readonly hostName?: string
  /** A test certificate for `hostName` unless given; false for plain http. */
  readonly tls?: KeyPair | false
  /**
   * How it reads the two parts of Basic: `form` as RFC 6749 says, or `raw` as many servers do
   * (docs/pitfalls.md#client-secret-encoding).
   */
  readonly basic?: 'form' | 'raw'
}

export const DEFAULT_CLIENT: TokenClient = { id: 'proxy-client', secret: 'se:cr/et+%40@%' }

const ROUTES = {
  token: '/am/oauth2/realms/root/realms/alpha/access_token',
  introspection: '/am/oauth2/realms/root/realms/alpha/introspect',
}

/** Starts a real OAuth 2.0 server with AM's paths on loopback; it closes with its owner (see clean-up.ts). */
export async function startTokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const { hostName = 'am.example.com', clients = [DEFAULT_CLIENT], scopes = ['fr:idm:*'] } = options
  const tls = options.tls ?? (await (await testPki()).server(hostName))
  const remote = await startRemote({ hostName, basePath: '/am/', tls: tls || undefined })
  const store = new TokenStore()
  const server = new TokenServer(remote, store, options.lifetime ?? 3600)
  const provider = await createProvider({
    issuer: `${remote.origin}/am`,
    clients,
    scopes,
    routes: ROUTES,
    store,
    lifetime: () => server.lifetime,
    rewrite: (answer) => server.rewrite(answer),
  })
  server.serve(served(provider, options.basic ?? 'form'))
  return server
}

/** Issues tokens for the client credentials grant and tells by introspection (RFC 7662) whether they are good. */
export class TokenServer {
  readonly remote: Remote
  readonly tokenEndpoint: string
  readonly introspectionEndpoint: string
  /** The tokens issued; also revokes them. */
  readonly store: TokenStore
  /** Of tokens issued from now on, in seconds. */
  lifetime: number
  /** Changes a good answer before it goes out; see {@link withoutExpiresIn}. */
  rewrite: (answer: TokenAnswer) => TokenAnswer = (answer) => answer
  #honest: Behaviour = reply({ status: 503 })
  #atTokenEndpoint: Behaviour | undefined

  constructor(remote: Remote, store: TokenStore, lifetime: number) {
    this.remote = remote
    this.store = store
    this.lifetime = lifetime
    this.tokenEndpoint = `${remote.origin}${ROUTES.token}`
    this.introspectionEndpoint = `${remote.origin}${ROUTES.introspection}`
  }

  /** The requests that reached the token endpoint. */
  get requests(): RecordedRequest[] {
    return this.remote.requests.filter(isTokenRequest)
  }

  /** Issues tokens: what the token endpoint does when it is well. Wrap it to hold it or to have it fail at first. */
  readonly honest: Behaviour = (exchange) => this.#honest(exchange)

  /** Has the token endpoint do something else from now on, or be `honest` again; introspection stays as it is. */
  answer(behaviour: Behaviour): void {
    this.#atTokenEndpoint = behaviour
  }

  /** Says whether a header is `Bearer` with a good token: for `guarded` of behaviours.ts. */
  readonly accepts = (authorization: string | undefined): boolean => {
    const token = /^Bearer ([^ ]+)$/.exec(authorization ?? '')?.[1]
    return token !== undefined && this.store.isActive(token)
  }

  /** Called once by `startTokenServer`. */
  serve(honest: Behaviour): void {
    this.#honest = honest
    this.remote.answer((exchange) => ((isTokenRequest(exchange.request) && this.#atTokenEndpoint) || honest)(exchange))
  }
}

const isTokenRequest = ({ url }: RecordedRequest): boolean => url.split('?', 1)[0] === ROUTES.token

/** The body was read for the record already: the provider gets a copy of the request. */
function served(provider: Provider, basic: 'form' | 'raw'): Behaviour {
  const callback = provider.callback()
  return async ({ request, incoming, response }) => {
    await request.received
    const { method, url, httpVersion, socket, rawHeaders } = incoming
    const headers = basic === 'raw' ? formEncodeBasic(incoming.headers) : incoming.headers
    const copy = { method, url, httpVersion, socket, rawHeaders, headers }
    await callback(Object.assign(Readable.from([request.body]), copy) as unknown as IncomingMessage, response)
  }
}

function formEncodeBasic(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const credentials = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1]
  if (credentials === undefined) return headers
  const [id = '', ...secret] = Buffer.from(credentials, 'base64').toString().split(':')
  const encoded = `${encodeURIComponent(id)}:${encodeURIComponent(secret.join(':'))}`
  return { ...headers, authorization: `Basic ${Buffer.from(encoded).toString('base64')}` }
}

/** For `rewrite`: the answer does not say when the token ends. */
export const withoutExpiresIn = ({ expires_in: _, ...answer }: TokenAnswer): TokenAnswer => answer

/** An answer as RFC 6749, 5.2 has it: `oauthError(400, 'invalid_scope')`. */
export const oauthError = (status: number, error: string, description = 'refused by the test'): Behaviour =>
  reply({ status, body: { error, error_description: description } })

/** 200 with a login page, as a proxy in front of the token server answers. */
export const loginPage = (): Behaviour =>
  reply({ headers: { 'content-type': 'text/html' }, body: '<html><title>Sign in</title></html>' })
