/**
 * Token requests (OAuth 2.0 client credentials grant, RFC 6749, section 4.4) with simple-oauth2. This file contains what
 * is special about it: it clones its HTTP options, agent included (docs/pitfalls.md#cloned-agents), and its debug output
 * and its errors hold the client secret (docs/pitfalls.md#secrets-in-library-errors). It sends with @hapi/wreck, which
 * takes Node agents only, so that token requests use an agent and not the HttpClient.
 */
import type { ClientCredentials } from 'simple-oauth2'
import type { Agent } from '../../core/http/agent.ts'
import { requireQuietly } from '../../core/quiet-require.ts'
import { UNLIMITED } from '../../core/time/duration.ts'
import type { BearerProperties } from '../properties/properties.ts'
import type { Token } from './bearer.ts'
import { MAX_RESPONSE_BYTES, tokenException } from './token-failure.ts'

/** Life of a token without `expires_in` (docs/pitfalls.md#token-expiry). */
const DEFAULT_LIFE_S = 300
const MAX_LIFE_S = 86_400
/** Max time for a token request, also when the timeouts of the instance are longer. */
const MAX_WAIT_MS = 30_000

/** Loaded by the first token request: it takes 150 ms, and many gateways have no instance with tokens. */
const library = () => requireQuietly('simple-oauth2') as typeof import('simple-oauth2')

/**
 * Creates the function that requests a token for an instance.
 * @returns rejects with 401 when the endpoint refuses the client, 502 when it cannot be reached or understood, 503 when
 * it is busy, 504 after a timeout
 */
export function tokenFetcher(instance: string, properties: BearerProperties, agent: () => Agent): () => Promise<Token> {
  let client: ClientCredentials | undefined
  const scope = properties.scope.length === 0 ? {} : { scope: [...properties.scope] }
  return async () => {
    try {
      client ??= createClient(properties, agent)
      const { token } = await client.getToken(scope)
      return tokenOf(token)
    } catch (error) {
      throw tokenException(instance, properties, error)
    }
  }
}

function createClient(properties: BearerProperties, agent: () => Agent): ClientCredentials {
  const url = new URL(properties.tokenEndpoint)
  return new (library().ClientCredentials)({
    client: { id: properties.clientId, secret: properties.clientSecret.reveal() },
    auth: { tokenHost: url.origin, tokenPath: url.pathname + url.search },
    http: {
      agent: uncloneable(agent),
      timeout: Math.min(limit(properties.connectionTimeout) + limit(properties.socketTimeout), MAX_WAIT_MS),
      maxBytes: MAX_RESPONSE_BYTES,
      redirects: false,
    },
    options: {
      authorizationMethod: properties.tokenEndpointAuthMethod === 'client_secret_post' ? 'body' : 'header',
      credentialsEncodingMode: properties.tokenEndpointCredentialsEncoding,
      scopeSeparator: properties.scopeDelimiter,
    },
  })
}

/** 0 = no limit, as in Java. */
const limit = (ms: number): number => (ms === 0 ? UNLIMITED : ms)

/**
 * An agent that survives cloning. The library copies functions by reference; this one forwards every access to the
 * current agent.
 */
const uncloneable = (agent: () => Agent): object =>
  new Proxy(() => undefined, {
    get(_target, name) {
      const real = agent()
      const value: unknown = Reflect.get(real, name)
      return typeof value === 'function' ? value.bind(real) : value
    },
  })

function tokenOf(token: Record<string, unknown>): Token {
  const { access_token: value, expires_in: expiresIn } = token
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) throw new Error('no token that fits into a header')
  const seconds = Number(expiresIn)
  const known = expiresIn !== undefined && expiresIn !== null && Number.isFinite(seconds) && seconds > 0
  return { value, life: Math.min(known ? seconds : DEFAULT_LIFE_S, MAX_LIFE_S) * 1000 }
}
