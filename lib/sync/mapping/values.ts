import { z } from '../../core/schema.ts'

/** Plain values of a mapping; null counts as absent. */
export const flag = <T>(fallback: T) =>
  z
    .boolean('must be true or false')
    .nullish()
    .transform((value) => value ?? fallback)

export const count = (fallback: number, min = 1) => {
  const form = `must be a whole number from ${min} up`
  return z
    .int(form)
    .min(min, form)
    .nullish()
    .transform((value) => value ?? fallback)
}

export const list = <T extends z.ZodType>(element: T, form: string) =>
  z
    .array(element, form)
    .nullish()
    .transform((value) => value ?? [])
