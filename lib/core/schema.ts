import { z } from 'zod'
import type { Json } from '../contract.ts'
import { isObject } from './json.ts'
import { unknownNames } from './unknown-properties.ts'

export { z }

/** Any value of a parsed text as it stands; zod's own would make objects of long numbers. */
export const anyJson = z.custom<Json>((value) => value !== undefined)

/** The members of an object that have no effect, since a schema does not name them. */
export function unknownMembers(value: unknown, { shape }: z.ZodObject): string[] {
  return isObject(value) ? unknownNames(value, new Set(Object.keys(shape))) : []
}

/** One fault that a schema found: where, and what would be allowed. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  /** `connectionTimeout`, `proxy.proxyUri`; empty for the whole. */
  readonly key: string
  readonly message: string
}

/** The faults that a schema found. Schemas of this project say what is allowed, and never print a value. */
export function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.map(({ path, message }) => ({ path, key: path.join('.'), message }))
}
