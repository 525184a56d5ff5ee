/**
 * The properties of a remote instance: `conf/external.idm-NAME.json`. The schema is the single source of the types, the
 * messages and the JSON Schema in the plugin's manifest. Names and defaults follow the vendor's documentation of the
 * remote proxy and of HTTP clients.
 */
import type { JsonObject } from '../../contract.ts'
import { faultsOf, z } from '../../core/schema.ts'
import { Secret } from '../../core/secret.ts'
import { DURATION_FORMS, parseDuration } from '../../core/time/duration.ts'
import { type KnownNames, unknownNotice, unknownProperties } from '../../core/unknown-properties.ts'
import { faultSentence } from './property-fault.ts'
import { withReferences } from './schema-references.ts'

/** Fields that hold a secret. plugin.json names them, so that a host never shows them. */
export const SECRET_FIELDS = ['password', 'clientSecret', 'proxy/password', 'clientCertificate/password'] as const
/** Fields that determine where secrets are sent: a stored secret is never sent to a new address. */
export const ADDRESS_FIELDS = ['instanceUrl', 'tokenEndpoint', 'proxy/proxyUri'] as const

const text = (what: string) => z.string(`must be ${what}`).min(1, { message: `must be ${what}`, abort: true })
const secret = (what: string) => text(what).transform((value) => new Secret(value))
const flag = (fallback: boolean) => z.boolean('must be true or false').default(fallback)
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, `must be one of ${values.map((value) => `"${value}"`).join(', ')}`)

/** Blanks and line breaks at the ends are dropped: a variable or a file often ends with one. */
const httpUrl = (what: string) =>
  z
    .string(`must be ${what}`)
    .trim()
    .min(1, { message: `must be ${what}`, abort: true })
    .superRefine((value, context) => {
      const fault = urlFault(value)
      if (fault) context.addIssue({ code: 'custom', message: `must be ${what}; ${fault}` })
    })

/** Why `value` is not acceptable. The value is not repeated: it may hold a password. */
function urlFault(value: string): string | undefined {
  if (!URL.canParse(value)) return 'it is no absolute URL'
  const url = new URL(value)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `found the scheme "${url.protocol}"`
  if (url.username !== '' || url.password !== '') return 'credentials do not belong into the URL'
  if (url.hash !== '') return 'it must not hold a fragment (#)'
  return undefined
}

const duration = (fallback: string) =>
  z
    .union([z.string(), z.number()], `must be ${DURATION_FORMS}`)
    .transform((value, context) => {
      const ms = parseDuration(value)
      if (ms !== undefined) return ms
      context.addIssue({ code: 'custom', message: `must be ${DURATION_FORMS}` })
      return z.NEVER
    })
    .prefault(fallback)

const PROBE_FORM = `must be ${DURATION_FORMS}, from 1 second to 1 day`
const interval = z.union([z.string(), z.number()], PROBE_FORM).transform((value, context) => {
  const ms = parseDuration(value)
  if (ms !== undefined && ms >= 1000 && ms <= 86_400_000) return ms
  context.addIssue({ code: 'custom', message: PROBE_FORM })
  return z.NEVER
})

/** An array of scopes, or one string that holds them separated by spaces; an empty one means none. */
const scope = z
  .union([z.string(), z.array(z.string())], 'must be an array of strings or a string')
  .transform((value) => (typeof value === 'string' ? value.split(/\s+/) : value).filter((name) => name !== ''))
  .prefault([])

const proxy = z.object(
  {
    proxyUri: httpUrl('the http:// or https:// URL of the forward proxy'),
    userName: text('the user name at the forward proxy').optional(),
    password: secret('the password at the forward proxy').optional(),
  },
  'must be an object {"proxyUri", "userName", "password"}',
)

const clientCertificate = z.object(
  {
    file: text('the file with certificate and key, relative to the project, such as "security/client.p12"'),
    password: secret('the password of the file').optional(),
    alias: text('the name of the key in the file').optional(),
  },
  'must be an object {"file", "password", "alias"}',
)

const common = z.object({
  enabled: flag(true),
  instanceUrl: httpUrl('the http:// or https:// URL of the remote, such as "https://idm.example.com/openidm/"')
    .refine((value) => !value.includes('?'), 'must not hold a query (?)')
    .transform((value) => (value.endsWith('/') ? value : `${value}/`)),
  connectionTimeout: duration('10s'),
  socketTimeout: duration('60s'),
  reuseConnections: flag(true),
  connectionTimeToLive: duration('5 minutes'),
  retryRequests: flag(true),
  probe: interval.optional(),
  propagateTrace: flag(false),
  maxConnections: z
    .int('must be a whole number from 1 to 10000')
    .min(1, 'must be a whole number from 1 to 10000')
    .max(10_000, 'must be a whole number from 1 to 10000')
    .default(64),
  maxQueuedRequests: z
    .int('must be a whole number from 1 to 100000')
    .min(1, 'must be a whole number from 1 to 100000')
    .max(100_000, 'must be a whole number from 1 to 100000')
    .default(1000),
  hostnameVerifier: oneOf(['STRICT', 'ALLOW_ALL']).default('STRICT'),
  tlsVersion: oneOf(['TLSv1.2', 'TLSv1.3']).optional(),
  dangerouslySkipTlsVerify: flag(false),
  /** Presented to the remote and the token endpoint (mutual TLS). */
  clientCertificate: clientCertificate.optional(),
  proxy: proxy.optional(),
})

const basic = common.extend({
  authType: z.literal('basic'),
  userName: text('the user name at the remote (required with authType "basic")').refine(
    (value) => !value.includes(':'),
    'must not hold a colon: it ends the user name in the Authorization header (RFC 7617)',
  ),
  password: secret('the password at the remote (required with authType "basic")'),
})

const bearer = common.extend({
  authType: z.literal('bearer'),
  clientId: text('the OAuth 2.0 client id (required with authType "bearer")').regex(
    /^[\x20-\x7e]+$/,
    'must be printable ASCII (RFC 6749, appendix A)',
  ),
  clientSecret: secret('the OAuth 2.0 client secret (required with authType "bearer")').refine(
    // simple-oauth2 refuses it, too, and prints the secret in its message
    // (docs/pitfalls.md#secrets-in-library-errors).
    (value) => /^[\x20-\x7e]+$/.test(value.reveal()),
    'must be printable ASCII (RFC 6749, appendix A)',
  ),
  tokenEndpoint: httpUrl('the http:// or https:// URL of the token endpoint (required with authType "bearer")'),
  tokenEndpointAuthMethod: oneOf(['client_secret_basic', 'client_secret_post']).default('client_secret_basic'),
  /**
   * Some servers expect id and secret in `Authorization: Basic` without form-encoding
   * (docs/pitfalls.md#client-secret-encoding).
   */
  tokenEndpointCredentialsEncoding: oneOf(['strict', 'loose']).default('strict'),
  scope,
  scopeDelimiter: z.string('must be a string').default(' '),
})

const schema = z.discriminatedUnion('authType', [basic, bearer], 'must be "basic" or "bearer"')

export type InstanceProperties = z.output<typeof schema>
export type BasicProperties = z.output<typeof basic>
export type BearerProperties = z.output<typeof bearer>

/** The JSON Schema of the file, for plugin.json and editors. */
export const instanceJsonSchema = (): object =>
  withReferences(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))

const KNOWN: KnownNames = {
  names: new Set([...Object.keys(basic.shape), ...Object.keys(bearer.shape)]),
  within: {
    proxy: new Set(Object.keys(proxy.shape)),
    clientCertificate: new Set(Object.keys(clientCertificate.shape)),
  },
}

export type Judgement = { properties: InstanceProperties; notices: string[] } | { faults: string[] }

/**
 * Validates the content of a file.
 * @param raw the content as written in the file, for messages
 * @returns the properties with notices for a person, or one sentence per fault
 */
export function judgeProperties(content: JsonObject, raw = content): Judgement {
  const input = withOneSpelling(content)
  const parsed = schema.safeParse(input)
  if (!parsed.success) {
    const written = withOneSpelling(raw)
    return { faults: faultsOf(parsed.error).map((fault) => faultSentence(fault, written, KNOWN)) }
  }
  return { properties: parsed.data, notices: noticesOf(parsed.data, input) }
}

/** The vendor's table says `authtype`, its examples say `authType`; both are accepted. */
function withOneSpelling(content: JsonObject): JsonObject {
  const { authtype, ...rest } = content
  return authtype !== undefined && rest.authType === undefined ? { ...rest, authType: authtype } : rest
}

function noticesOf(properties: InstanceProperties, input: JsonObject): string[] {
  const notices = unknownProperties(input, KNOWN).map(unknownNotice)
  if (properties.dangerouslySkipTlsVerify)
    notices.push('dangerouslySkipTlsVerify: the remote is not authenticated at all')
  if (properties.hostnameVerifier === 'ALLOW_ALL')
    notices.push('hostnameVerifier ALLOW_ALL: any trusted host may answer')
  if (isPlain(properties.instanceUrl)) notices.push('instanceUrl: http sends the credentials in clear text')
  if (properties.authType === 'bearer' && isPlain(properties.tokenEndpoint))
    notices.push('tokenEndpoint: http sends the client secret in clear text')
  return notices
}

/** A likely reason why the remote answers 403; undefined when scopes are asked for. */
export const scopeHint = (properties: InstanceProperties): string | undefined =>
  properties.authType === 'bearer' && properties.scope.length === 0
    ? 'scope is empty: if the remote demands a scope, such as "fr:idm:*", add it to "scope"'
    : undefined

const isPlain = (url: string): boolean => new URL(url).protocol === 'http:'
