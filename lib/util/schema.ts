import { z } from 'zod'

export { z }

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
