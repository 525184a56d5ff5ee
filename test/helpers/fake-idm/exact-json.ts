/** JSON whose numbers keep their digits. */
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../../lib/contract.ts'

/** Missing from TypeScript's own declarations. */
const exact = JSON as unknown as {
  parse(text: string, reviver: (name: string, value: Json, context: { readonly source?: string }) => Json): Json
  rawJSON(text: string): JsonObject
  isRawJSON(value: unknown): boolean
}

/** A number that a double would print differently (`9007199254740993`, `1.0`, `1e400`) becomes a raw JSON value. */
export const parseExact = (text: string): Json =>
  exact.parse(text, (_name, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? exact.rawJSON(source) : value,
  )

export const printExact = (value: Json): string => JSON.stringify(value)

export const copyExact = <T extends Json>(value: T): T => parseExact(printExact(value)) as T

/** The same value with ordinary doubles. */
export const plain = <T extends Json>(value: T): T => JSON.parse(printExact(value)) as T

/** Members in any order; `1` and `1.0` differ. */
export const isSame = (left: Json | undefined, right: Json | undefined): boolean => isDeepStrictEqual(left, right)

/** True for an object with members, false for a raw number. */
export const isMap = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !exact.isRawJSON(value)

export const numberOf = (value: Json | undefined): number | undefined => {
  const number = value === undefined ? undefined : plain(value)
  return typeof number === 'number' ? number : undefined
}
