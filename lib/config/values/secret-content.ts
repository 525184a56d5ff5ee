import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { decrypt, type EnvelopePlace, isBound, isEncrypted, KeyRing } from './crypto/crypto.ts'
import type { PurposeSource } from './secret-stores/secret-stores.ts'
import { at, type IsOptional, substitute } from './substitution/substitution.ts'
import type { TokenSource } from './substitution/value-sources.ts'

export interface Resolvers {
  readonly sources: TokenSource
  readonly purposes?: PurposeSource | undefined
  /** Needed for encrypted values. A function is called for the first one, and may throw an Error for the user. */
  readonly keys?: KeyRing | (() => KeyRing | undefined) | undefined
  /** The place of a property, for envelopes that are bound to one. */
  readonly placeOf?: ((path: readonly string[]) => EnvelopePlace) | undefined
  /** Whether null stands for a property that cannot be resolved. Default: none. */
  readonly isOptional?: IsOptional | undefined
}

/**
 * Replaces expressions, purposes (`$purpose`) and encrypted values (`$crypto`) by their values, in this order. Salted
 * hashes stay. Values from a store or an envelope are literal: they are not resolved again.
 * @param file for messages
 * @throws Error with a message for the user, which contains no value
 */
export function resolveContent(content: JsonObject, file: string, resolvers: Resolvers): JsonObject {
  const result = revealIn(substitute(content, resolvers.sources, file, resolvers.isOptional), [], file, resolvers)
  if (!isObject(result)) throw new Error(`${file}: must be an object, but resolves to something else`)
  return result
}

function revealIn(value: Json, path: readonly string[], file: string, resolvers: Resolvers): Json {
  if (Array.isArray(value)) return value.map((item, index) => revealIn(item, [...path, `${index}`], file, resolvers))
  if (!isObject(value)) return value
  if (isEncrypted(value)) return at(file, path, () => openEnvelope(value, path, resolvers), resolvers.isOptional)
  const purpose = purposeIn(value)
  if (purpose !== undefined)
    return at(file, path, () => purposeValue(purpose, resolvers.purposes), resolvers.isOptional)
  const members = Object.entries(value)
  return Object.fromEntries(members.map(([name, member]) => [name, revealIn(member, [...path, name], file, resolvers)]))
}

/** A bound envelope may contain an older one: that was shown over REST. */
function openEnvelope(value: Json, path: readonly string[], resolvers: Resolvers): Json {
  const opened = decrypt(value, keysOf(resolvers), resolvers.placeOf?.(path))
  return isBound(value) && isEncrypted(opened) ? decrypt(opened, keysOf(resolvers)) : opened
}

const keysOf = ({ keys }: Resolvers): KeyRing => (typeof keys === 'function' ? keys() : keys) ?? new KeyRing([])

const purposeIn = (value: JsonObject): Json | undefined =>
  Object.hasOwn(value, '$purpose') && Object.keys(value).length === 1 ? value.$purpose : undefined

function purposeValue(purpose: Json, purposes: PurposeSource | undefined): Json {
  const { name, jsonPointer } = isObject(purpose) ? purpose : {}
  if (typeof name !== 'string' || (jsonPointer !== undefined && typeof jsonPointer !== 'string'))
    throw new Error('"$purpose" must be an object {"name", "jsonPointer"?}, both texts')
  if (!purposes) throw new Error(`purpose "${name}": there are no secret stores`)
  return purposes.resolve(name, jsonPointer)
}
