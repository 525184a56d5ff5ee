import { z } from 'zod'
import type { Json } from '../contract.ts'

export { z }

/** Any value of a parsed text as it stands; zod's own would make objects of long numbers. */
export const anyJson = z.custom<Json>((value) => value !== undefined)

/** The members of a value that a schema does not know; one that begins with an underscore is parked, or a comment. */
export function unknownMembers(value: unknown, { shape }: z.ZodObject): string[] {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : []
  return names.filter((name) => !Object.hasOwn(shape, name) && !name.startsWith('_') && name !== 'comment')
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
