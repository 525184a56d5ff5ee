import type { Json } from '../../contract.ts'
import { isObject, parseJson } from '../../core/json.ts'
import { badRequest } from '../errors.ts'
import { printPointer } from '../pointer.ts'
import type { SortKey } from './request.ts'

/** The values an object is sorted by, one for each key; undefined = absent. */
export type SortValues = readonly (Json | undefined)[]

/**
 * The cookie for the page behind an object: base64 of its sort values by field (`{"/_id":"mortiz"}`), as IDM's, but in
 * the alphabet that needs no URL encoding.
 */
export function encodeCookie(keys: readonly SortKey[], values: SortValues): string {
  const members = keys.map((key, index) => [printPointer(key.field), values[index] ?? null] as const)
  return Buffer.from(JSON.stringify(Object.fromEntries(members))).toString('base64url')
}

/** @throws badRequest when the cookie is not one for these keys */
export function decodeCookie(keys: readonly SortKey[], cookie: string): SortValues {
  const members = membersOf(cookie)
  const fields = keys.map((key) => printPointer(key.field))
  if (!isObject(members) || !fields.every((field) => Object.hasOwn(members, field)))
    throw badRequest('Invalid paged results cookie: it is not one that this query, with these sort keys, has given out')
  return fields.map((field) => members[field] ?? undefined)
}

function membersOf(cookie: string): Json | undefined {
  try {
    return parseJson(Buffer.from(cookie.replaceAll('%3D', '='), 'base64').toString('utf8'))
  } catch {
    return undefined
  }
}
