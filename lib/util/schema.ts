import { z } from 'zod'

export { z }

/**
 * The faults that a schema found, one sentence each: the key, what was found, what is allowed. Schemas of this
 * project put the valid values into their messages; the value itself is never printed, it may be a secret.
 */
export function faultsOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => {
    const key = issue.path.join('.')
    return key === '' ? issue.message : `${key}: ${issue.message}`
  })
}
