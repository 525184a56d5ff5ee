import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../contract.ts'
import { isWrapper } from '../../core/hidden-secrets.ts'
import { isObject } from '../../core/json.ts'
import { getAt, type Pointer, parsePointer, printPointer } from '../../crest/pointer.ts'
import type { EnvelopePlace } from './crypto/crypto.ts'

/** The sensitive fields of a kind of configuration object, as JSON pointers. */
export interface FieldRules {
  /** Fields that contain secrets. */
  readonly secretFields: readonly Pointer[]
  /** Fields that contain the addresses that secrets are sent to. */
  readonly addressFields: readonly Pointer[]
}

export type FieldsOf = (pid: string) => readonly string[]

/** The rules for the objects of `pid`. */
export const rulesFor = (pid: string, secretFields: FieldsOf, addressFields: FieldsOf = () => []): FieldRules => ({
  secretFields: secretFields(pid).map(parsePointer),
  addressFields: addressFields(pid).map(parsePointer),
})

type Addresses = EnvelopePlace['addresses']

/** The addresses in an object, with expressions unresolved. */
export const addressesOf = (raw: JsonObject, { addressFields }: FieldRules): Addresses =>
  addressFields.flatMap((field) => {
    const value = addressAt(raw, field)
    return value === null || value === '' ? [] : [[printPointer(field), value] as const]
  })

/** An expression for a whole object, such as `{"$object":"&{proxy}"}`, also covers the address in it. */
function addressAt(raw: JsonObject, field: Pointer): Json {
  for (let depth = 0; depth < field.length; depth++) {
    const outer = getAt(raw, field.slice(0, depth))
    if (isObject(outer) && isWrapper(outer)) return outer
  }
  return getAt(raw, field) ?? null
}

/** Maps pointers to places in an object with these addresses. */
export const placeIn =
  (id: string, addresses: Addresses) =>
  (pointer: Pointer): EnvelopePlace => ({ id, pointer, addresses })

/** Fields whose address is new. A removed address is no risk: nothing is sent to it. */
export const newAddresses = (before: Addresses, after: Addresses): string[] =>
  after.filter((entry) => !before.some((other) => isDeepStrictEqual(entry, other))).map(([field]) => field)
