import { z } from 'zod'
import type { Json } from '../contract.ts'
import { isObject } from './json.ts'
import { unknownNames } from './unknown-properties.ts'

export { z }

/** Any JSON value, unchanged; zod's own schema would turn long numbers into objects. */
export const anyJson = z.custom<Json>((value) => value !== undefined)

/** The members of an object that have no effect, since a schema does not name them. */
export function unknownMembers(value: unknown, { shape }: z.ZodObject): string[] {
  return isObject(value) ? unknownNames(value, new Set(Object.keys(shape))) : []
}

/** The notice of a member that has no effect. */
export const noEffect = (pointer: readonly string[]) => ({
  pointer,
  reason: 'it has no effect here',
  cure: 'take it out, or leave it',
})

/** A fault found by a schema: where, and what is allowed. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  /** `connectionTimeout`, `proxy.proxyUri`; empty for the whole. */
  readonly key: string
  readonly message: string
}

/** The faults found by a schema. Messages of this project say what is allowed, and never contain a value. */
export function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.map(({ path, message }) => ({ path, key: path.join('.'), message }))
}
