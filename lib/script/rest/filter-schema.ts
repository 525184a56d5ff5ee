/** `conf/router.json`: filters around every request. */
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'

const METHODS = ['create', 'read', 'update', 'delete', 'patch', 'action', 'query'] as const
const METHODS_FORM = `must be an array of ${METHODS.join(', ')}`
const PATTERN_FORM = 'must be a regular expression that matches whole paths, such as "^managed/user($|(/.+))"'
export const FILTERS_FORM = 'must be an array of filters'
const SCRIPT_FORM = 'must be a script: {"type": "text/javascript", "source" or "file"}'

const isPattern = (text: string): boolean => {
  try {
    return new RegExp(`^(?:${text})$`) !== undefined
  } catch {
    return false
  }
}

const script = z.custom<JsonObject>((value) => isObject(value), SCRIPT_FORM).nullish()

export const filterSchema = z.looseObject({
  pattern: z.string(PATTERN_FORM).refine(isPattern, PATTERN_FORM).nullish(),
  methods: z.array(z.enum(METHODS, METHODS_FORM), METHODS_FORM).nullish(),
  condition: script,
  onRequest: script,
  onResponse: script,
  onFailure: script,
})

export const filtersSchema = z.looseObject({ filters: z.array(filterSchema, FILTERS_FORM).default([]) })

export type FilterConfiguration = z.infer<typeof filterSchema>

/** Which requests a filter sees. A part that is not valid excludes none. */
export function scopeOf(content: Json): Pick<FilterConfiguration, 'pattern' | 'methods'> {
  const { pattern, methods } = filterSchema.shape
  const given = isObject(content) ? content : {}
  return { pattern: pattern.safeParse(given.pattern).data, methods: methods.safeParse(given.methods).data }
}
