import { type Context, Provider } from 'oidc-provider'
import type { TokenStore } from './token-store.ts'

export interface TokenClient {
  readonly id: string
  readonly secret: string
  /** The only method it may use; `client_secret_post` unless given. */
  readonly method?: 'client_secret_basic' | 'client_secret_post'
  /** What it may ask for; the server's scopes unless given. */
  readonly scopes?: readonly string[]
}

export type TokenAnswer = Readonly<Record<string, unknown>>

export interface ProviderOptions {
  readonly issuer: string
  readonly clients: readonly TokenClient[]
  readonly scopes: readonly string[]
  readonly routes: { readonly token: string; readonly introspection: string }
  readonly store: TokenStore
  readonly lifetime: () => number
  /** Changes a good answer of the token endpoint. */
  readonly rewrite: (answer: TokenAnswer) => TokenAnswer
}

/** A provider for client credentials and introspection alone; nothing in it is a default that it would warn about. */
export async function createProvider(options: ProviderOptions): Promise<Provider> {
  const { issuer, clients, scopes, routes, store, lifetime } = options
  const provider = new Provider(issuer, {
    adapter: (model) => store.adapter(model),
    clients: clients.map((client) => ({
      client_id: client.id,
      client_secret: client.secret,
      token_endpoint_auth_method: client.method ?? 'client_secret_post',
      scope: (client.scopes ?? scopes).join(' '),
    })),
    clientDefaults: CLIENT_DEFAULTS,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    features: FEATURES,
    jwks: { keys: [await signingKey()] },
    routes,
    scopes: [...new Set([...scopes, ...clients.flatMap((client) => client.scopes ?? [])])],
    ttl: { ClientCredentials: lifetime },
  })
  provider.use(async (context, next) => {
    await next()
    if (context.status !== 200) return
    if (!usedItsMethod(context)) refuse(context, store)
    else if (context.path === routes.token) context.body = options.rewrite(context.body as TokenAnswer)
  })
  return provider
}

const CLIENT_DEFAULTS = {
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  id_token_signed_response_alg: 'ES256',
}

const FEATURES = {
  clientCredentials: { enabled: true },
  introspection: { enabled: true, allowedPolicy: () => true },
  devInteractions: { enabled: false },
}

/** AM holds a client to the one method it is configured for; the provider takes either secret method for the other. */
function usedItsMethod({ headers, oidc }: Context): boolean {
  const used = headers.authorization === undefined ? 'client_secret_post' : 'client_secret_basic'
  return oidc?.client?.clientAuthMethod === used
}

function refuse(context: Context, store: TokenStore): void {
  const { access_token: token } = context.body as TokenAnswer
  if (typeof token === 'string') store.revoke(token)
  context.status = 401
  context.body = { error: 'invalid_client', error_description: 'Client authentication failed' }
}

async function signingKey(): Promise<object> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  return { ...(await crypto.subtle.exportKey('jwk', privateKey)), alg: 'ES256', use: 'sig' }
}
