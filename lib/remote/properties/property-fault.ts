/** What is wrong with a property, as a sentence for a person: key, what is allowed, what was found, never a secret. */
import type { Json, JsonObject } from '../../contract.ts'
import { editDistance } from '../../core/edit-distance.ts'
import { isObject } from '../../core/json.ts'
import type { Fault } from '../../core/schema.ts'

type Known = ReadonlySet<string>

/** Properties that never hold a secret: only their values are shown. */
const SHOWN: Known = new Set([
  'authType',
  'connectionTimeout',
  'dangerouslySkipTlsVerify',
  'enabled',
  'hostnameVerifier',
  'maxConnections',
  'maxQueuedRequests',
  'retryRequests',
  'reuseConnections',
  'socketTimeout',
  'tlsVersion',
  'tokenEndpointAuthMethod',
  'tokenEndpointCredentialsEncoding',
])

/** `KEY: what is allowed (what was found)`; for a missing key also the unknown one that was probably meant to be it. */
export function faultSentence({ key, path, message }: Fault, input: JsonObject, known: Known): string {
  const value = path.reduce<Json | undefined>((at, name) => (isObject(at) ? at[String(name)] : undefined), input)
  const found = value === undefined ? missing(key, input, known) : `found ${describe(key, value)}`
  return `${key}: ${message} (${found})`
}

/** Keys that no schema knows. A leading underscore parks a property, and `comment` is a habit. */
export function unknownProperties(input: JsonObject, known: Known): string[] {
  const nested = ['proxy', 'clientCertificate'].flatMap((name) => {
    const value = input[name]
    return isObject(value) ? Object.keys(value).map((key) => `${name}.${key}`) : []
  })
  const keys = [...Object.keys(input), ...nested]
  return keys.filter((key) => !known.has(key) && !/^(\w+\.)?(_|comment$)/.test(key))
}

/** Says that an unknown property does nothing, and which known one was probably meant. */
export function unknownNotice(key: string, known: Known): string {
  const meant = [...known].find((name) => isTypo(key, name))
  const suggestion = meant === undefined ? '' : `; did you mean "${meant}"?`
  return `unknown property "${key}" is ignored${suggestion}`
}

function missing(key: string, input: JsonObject, known: Known): string {
  const typo = unknownProperties(input, known).find((unknown) => isTypo(unknown, key))
  return typo === undefined ? 'it is missing' : `it is missing; the file has "${typo}"`
}

function describe(key: string, value: Json): string {
  if (value === null) return 'null'
  if (value === '') return 'an empty string'
  if (Array.isArray(value)) return 'an array'
  if (isObject(value)) return 'an object'
  return SHOWN.has(key) ? JSON.stringify(value).slice(0, 60) : `a ${typeof value}`
}

const isTypo = (key: string, known: string): boolean => editDistance(key.toLowerCase(), known.toLowerCase()) <= 2
