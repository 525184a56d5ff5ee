/**
 * One token request (OAuth 2.0 client credentials grant, RFC 6749 section 4.4) by way of simple-oauth2, whose habits
 * are kept inside this file: it clones its HTTP options, agent included (docs/pitfalls.md#cloned-agents), its debug
 * output carries the client secret, and so do its errors: see token-failure.ts
 * (docs/pitfalls.md#secrets-in-library-errors).
 */
import type { ClientCredentials } from 'simple-oauth2'
import { UNLIMITED } from '../../core/duration.ts'
import type { Agent } from '../../core/http/agent.ts'
import { requireQuietly } from '../../core/quiet-require.ts'
import type { BearerProperties } from '../properties/properties.ts'
import type { Token } from './bearer.ts'
import { LARGEST_ANSWER_BYTES, tokenException } from './token-failure.ts'

/** Life of a token whose grant names none (docs/pitfalls.md#token-expiry). */
const DEFAULT_LIFE_S = 300
const LONGEST_LIFE_S = 86_400
/** Longest wait for a token when the instance sets no limit of its own. */
const LONGEST_WAIT_MS = 30_000

/** At the first token: it takes 150 ms to load, and most gateways have no instance with tokens. */
const library = () => requireQuietly('simple-oauth2') as typeof import('simple-oauth2')

/**
 * Makes the function that asks the token endpoint of an instance for a token.
 * @returns rejects with 401 when the endpoint refuses the client, 502 when it cannot be reached or understood, 503 when
 * it is busy, 504 when it is late
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
      timeout: Math.min(limit(properties.connectionTimeout) + limit(properties.socketTimeout), LONGEST_WAIT_MS),
      maxBytes: LARGEST_ANSWER_BYTES,
      redirects: false,
    },
    options: {
      authorizationMethod: properties.tokenEndpointAuthMethod === 'client_secret_post' ? 'body' : 'header',
      credentialsEncodingMode: properties.tokenEndpointCredentialsEncoding,
      scopeSeparator: properties.scopeDelimiter,
    },
  })
}

/** Zero is no limit, as in Java. */
const limit = (ms: number): number => (ms === 0 ? UNLIMITED : ms)

/**
 * An agent that survives cloning: a function is kept by reference, and what is asked of it is answered by the one real
 * agent of the moment, its settings for a forward proxy included.
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
  return { value, life: Math.min(known ? seconds : DEFAULT_LIFE_S, LONGEST_LIFE_S) * 1000 }
}
