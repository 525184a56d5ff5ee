/** A real OpenID provider for people: authorization code with PKCE for a public client, refresh tokens, introspection. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import { onCleanUp } from '../../helpers/clean-up.ts'

export const CLIENT_ID = 'console'
const GATEWAY = { id: 'gateway', secret: 'a secret of the gateway' }

export interface IdentityProviderOptions {
  /** The addresses that it may send people back to. */
  readonly redirectUris: readonly string[]
  /** Of access tokens, in seconds. */
  readonly lifetime?: number
  readonly refreshes?: boolean
}

export interface IdentityProvider {
  readonly issuer: string
  /** Method and path of each request, with what a person would see in the address line. */
  readonly requests: readonly URL[]
  /** `rsFilter` of a gateway that trusts it. */
  readonly rsFilter: object
  /** Answers this in place of the token endpoint. */
  interfere: ((form: URLSearchParams) => { status: number; body: unknown } | undefined) | undefined
  /** Changes what the token endpoint answers. */
  rewrite: (answer: Record<string, unknown>) => Record<string, unknown>
  /** The forms that were sent to the token endpoint. */
  readonly tokenRequests: readonly URLSearchParams[]
}

export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const { redirectUris, lifetime = 3600, refreshes = true } = options
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  // Another site than 127.0.0.1 to the browser.
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', ...(refreshes ? ['refresh_token'] : [])],
        redirect_uris: [...redirectUris],
      },
      {
        client_id: GATEWAY.id,
        client_secret: GATEWAY.secret,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: [],
        response_types: [],
        redirect_uris: [],
      },
    ],
    clientBasedCORS: (_context: unknown, origin: string) => redirectUris.some((uri) => uri.startsWith(`${origin}/`)),
    features: { devInteractions: { enabled: false }, introspection: { enabled: true, allowedPolicy: () => true } },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    cookies: { keys: ['a key of the test'] },
    scopes: ['openid', 'offline_access', 'fr:idm:*'],
    ttl: { AccessToken: lifetime, IdToken: 3600, Session: 3600, Interaction: 3600, Grant: 3600, RefreshToken: 3600 },
    pkce: { required: () => true },
  })
  const found: IdentityProvider & { requests: URL[]; tokenRequests: URLSearchParams[] } = {
    issuer,
    requests: [],
    tokenRequests: [],
    interfere: undefined,
    rewrite: (answer) => answer,
    rsFilter: {
      clientId: GATEWAY.id,
      clientSecret: GATEWAY.secret,
      tokenIntrospectUrl: `${issuer}/token/introspection`,
      scopes: ['fr:idm:*'],
      cache: { maxTimeout: '0 seconds' },
      staticUserMapping: [
        { subject: '(usr!bjensen)', localUser: 'internal/user/bjensen', roles: ['internal/role/openidm-admin'] },
      ],
    },
  }
  provider.use(async (context, next) => {
    if (context.path !== '/token' || context.method !== 'POST') return next()
    const form = await formOf(context.req)
    found.tokenRequests.push(form)
    // The provider takes a body that was read already.
    Object.assign(context.req, { body: Object.fromEntries(form) })
    const other = found.interfere?.(form)
    if (other) {
      context.set('access-control-allow-origin', '*')
      return void Object.assign(context, other)
    }
    await next()
    if (context.status === 200) context.body = found.rewrite(context.body as Record<string, unknown>)
  })
  const callback = provider.callback()
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    const url = new URL(incoming.url ?? '', issuer)
    found.requests.push(url)
    if (url.pathname.startsWith('/interaction/')) void interact(provider, incoming, response)
    else void callback(incoming, response)
  })
  return found
}

const PAGE = `<!doctype html><title>Sign in</title><form method="post">
<label>Your name <input name="name" required></label><button>Continue</button> <button name="abort" value="1" formnovalidate>Abort</button></form>`

/** Who says a name is who has it; what the client asks for is granted. */
async function interact(provider: Provider, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const details = await provider.interactionDetails(incoming, response)
  const { prompt, params, session } = details
  if (prompt.name === 'login' && incoming.method === 'GET')
    return void response.setHeader('content-type', 'text/html').end(PAGE)
  if (prompt.name === 'login') {
    const form = await formOf(incoming)
    const result = form.has('abort')
      ? { error: 'access_denied', error_description: 'the person said no' }
      : { login: { accountId: form.get('name') ?? '' } }
    return provider.interactionFinished(incoming, response, result)
  }
  const grant = new provider.Grant({ accountId: session?.accountId, clientId: String(params.client_id) })
  grant.addOIDCScope(String(params.scope))
  await provider.interactionFinished(incoming, response, { consent: { grantId: await grant.save() } })
}

const formOf = async (incoming: IncomingMessage): Promise<URLSearchParams> =>
  new URLSearchParams(Buffer.concat(await incoming.toArray()).toString())
