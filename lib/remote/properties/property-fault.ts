/** Faults of properties as sentences for a person: key, what is allowed, what was found. They never hold a secret. */
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Fault } from '../../core/schema.ts'
import { type KnownNames, nearest, unknownProperties } from '../../core/unknown-properties.ts'
import { getAt } from '../../crest/pointer.ts'

/** Properties that never hold a secret. Only their values are shown. */
const SHOWN: ReadonlySet<string> = new Set([
  'authType',
  'connectionTimeToLive',
  'connectionTimeout',
  'dangerouslySkipTlsVerify',
  'enabled',
  'hostnameVerifier',
  'maxConnections',
  'maxQueuedRequests',
  'probe',
  'propagateTrace',
  'retryRequests',
  'reuseConnections',
  'socketTimeout',
  'tlsVersion',
  'tokenEndpointAuthMethod',
  'tokenEndpointCredentialsEncoding',
])

/** `KEY: what is allowed (what was found)`; a missing key also with the unknown key that probably meant it. */
export function faultSentence({ key, path, message }: Fault, input: JsonObject, known: KnownNames): string {
  const value = getAt(input, path.map(String))
  const found = value === undefined ? missing(key, input, known) : `found ${describe(key, value)}`
  return `${key}: ${message} (${found})`
}

function missing(key: string, input: JsonObject, known: KnownNames): string {
  const unknown = unknownProperties(input, known).map(({ path }) => path)
  const typo = nearest(key, unknown)
  return typo === undefined ? 'it is missing' : `it is missing; the file has "${typo}"`
}

function describe(key: string, value: Json): string {
  if (value === null) return 'null'
  if (value === '') return 'an empty string'
  if (Array.isArray(value)) return 'an array'
  if (isObject(value)) return 'an object'
  return SHOWN.has(key) ? JSON.stringify(value).slice(0, 60) : `a ${typeof value}`
}
