import type { Json } from '../../contract.ts'
import { isObject, parseJson } from '../../core/json.ts'
import { badRequest } from '../errors.ts'
import { printPointer } from '../pointer.ts'
import type { SortKey } from './request.ts'

/** The values of the sort keys of an object; undefined = absent. */
export type SortValues = readonly (Json | undefined)[]

/**
 * The cookie for the page after an object: its sort values by field (`{"/_id":"mortiz"}`) in base64, as in IDM, but URL-safe.
 */
export function encodeCookie(keys: readonly SortKey[], values: SortValues): string {
  const members = keys.map((key, index) => [printPointer(key.field), values[index] ?? null] as const)
  return Buffer.from(JSON.stringify(Object.fromEntries(members))).toString('base64url')
}

/** @throws badRequest when the cookie does not belong to these keys */
export function decodeCookie(keys: readonly SortKey[], cookie: string): SortValues {
  const members = membersOf(cookie)
  const fields = keys.map((key) => printPointer(key.field))
  if (!isObject(members) || !fields.every((field) => Object.hasOwn(members, field)))
    throw badRequest('Invalid paged results cookie: it does not belong to a query with these sort keys')
  return fields.map((field) => members[field] ?? undefined)
}

function membersOf(cookie: string): Json | undefined {
  try {
    return parseJson(Buffer.from(cookie.replaceAll('%3D', '='), 'base64').toString('utf8'))
  } catch {
    return undefined
  }
}
