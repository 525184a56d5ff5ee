/** `consoleSignIn` of `conf/gateway.json`: the OpenID provider at which people sign in. It holds no secret. */
import type { JsonObject } from '../contract.ts'
import { z } from '../core/schema.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/** Codes and tokens travel there: RFC 9700, section 2.6. */
function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, hash } = new URL(text)
  const isSafe = protocol === 'https:' || (protocol === 'http:' && LOOPBACK.includes(hostname))
  return isSafe && username === '' && password === '' && hash === '' && !text.includes('#')
}

const URL_FORM = 'must be an https:// URL without credentials and fragment; http:// only for localhost'
const endpoint = z.string(URL_FORM).refine(isEndpoint, URL_FORM)
const ISSUER_FORM = 'must be the https:// URL of the provider, as in its metadata; http:// only for localhost'
const issuer = z.string(ISSUER_FORM).refine((text) => isEndpoint(text) && !text.includes('?'), ISSUER_FORM)
const CLIENT_FORM = 'must be the id of the public client that the provider knows the console as'
/** RFC 6749, appendix A.4. */
const SCOPE_FORM = 'must be a scope without blanks, such as "openid"'
const scope = z.string(SCOPE_FORM).regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, SCOPE_FORM)

export const signInSchema = z
  .strictObject(
    {
      /** Exactly as in the metadata and the ID tokens of the provider. */
      issuer,
      /** A public client: it has no secret. */
      clientId: z.string(CLIENT_FORM).min(1, CLIENT_FORM),
      scopes: z.array(scope, 'must be an array of scopes').default(['openid']),
      /** Default: both endpoints as the metadata of the provider has them. */
      authorizationEndpoint: endpoint.optional(),
      tokenEndpoint: endpoint.optional(),
    },
    {
      error: ({ code }) => (code === 'invalid_type' ? 'must be an object {"issuer", "clientId"}' : undefined),
    },
  )
  .refine((one) => (one.authorizationEndpoint === undefined) === (one.tokenEndpoint === undefined), {
    message: 'must have both authorizationEndpoint and tokenEndpoint, or neither',
  })

/** As it is written; `scopes` may be left out. */
export type ConsoleSignIn = z.input<typeof signInSchema>

/** What the page sends requests to, for its content security policy. */
export function connectSources({ issuer, tokenEndpoint }: Pick<ConsoleSignIn, 'issuer' | 'tokenEndpoint'>): string {
  // Where the token endpoint is, only the metadata say: a provider that has it elsewhere needs it in the setting.
  return tokenEndpoint === undefined ? new URL(issuer).origin : sourceOf(tokenEndpoint)
}

/** https://www.w3.org/TR/CSP3/#framework-directive-source-list: the signs that separate are encoded. */
function sourceOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname.replaceAll(';', '%3B').replaceAll(',', '%2C')
}

/** What the page is told, before anybody has signed in. */
export const signInForPage = (settings: ConsoleSignIn | undefined): JsonObject => ({
  provider: settings ? (signInSchema.parse(settings) as JsonObject) : null,
})
