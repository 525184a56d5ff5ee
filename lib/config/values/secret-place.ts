import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../contract.ts'
import { isWrapper } from '../../core/hidden-secrets.ts'
import { isObject } from '../../core/json.ts'
import { getAt, type Pointer, parsePointer, printPointer } from '../../crest/pointer.ts'
import type { EnvelopePlace } from './crypto/crypto.ts'

/** What a kind of configuration objects says of its fields, as JSON pointers. */
export interface FieldRules {
  /** Those that hold secrets. */
  readonly secretFields: readonly Pointer[]
  /** Those that say where secrets are sent. */
  readonly addressFields: readonly Pointer[]
}

export type FieldsOf = (pid: string) => readonly string[]

/** The rules for the objects of `pid`. */
export const rulesFor = (pid: string, secretFields: FieldsOf, addressFields: FieldsOf = () => []): FieldRules => ({
  secretFields: secretFields(pid).map(parsePointer),
  addressFields: addressFields(pid).map(parsePointer),
})

type Addresses = EnvelopePlace['addresses']

/** The addresses in the text of an object, expressions unresolved. */
export const addressesOf = (raw: JsonObject, { addressFields }: FieldRules): Addresses =>
  addressFields.flatMap((field) => {
    const value = addressAt(raw, field)
    return value === null || value === '' ? [] : [[printPointer(field), value] as const]
  })

/** What stands for a whole object, such as `{"$object":"&{proxy}"}`, stands for the address in it as well. */
function addressAt(raw: JsonObject, field: Pointer): Json {
  for (let depth = 0; depth < field.length; depth++) {
    const outer = getAt(raw, field.slice(0, depth))
    if (isObject(outer) && isWrapper(outer)) return outer
  }
  return getAt(raw, field) ?? null
}

/** Places in an object with these addresses. */
export const placeIn =
  (id: string, addresses: Addresses) =>
  (pointer: Pointer): EnvelopePlace => ({ id, pointer, addresses })

/** The fields of `after` whose address is not that of `before`: an address that is gone takes no secret anywhere. */
export const newAddresses = (before: Addresses, after: Addresses): string[] =>
  after.filter((entry) => !before.some((other) => isDeepStrictEqual(entry, other))).map(([field]) => field)
