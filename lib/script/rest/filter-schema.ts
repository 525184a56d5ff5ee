/** `conf/router.json`: filters around every request. */
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'

const METHODS = ['create', 'read', 'update', 'delete', 'patch', 'action', 'query'] as const
const METHODS_FORM = `must be an array of ${METHODS.join(', ')}`
const PATTERN_FORM = 'must be a regular expression that stands for whole paths, such as "^managed/user($|(/.+))"'
const SCRIPT_FORM = 'must be a script: {"type": "text/javascript", "source" or "file"}'

const isPattern = (text: string): boolean => {
  try {
    return new RegExp(`^(?:${text})$`) !== undefined
  } catch {
    return false
  }
}

const script = z.custom<JsonObject>((value) => isObject(value), SCRIPT_FORM).nullish()

const filter = z.looseObject({
  pattern: z.string(PATTERN_FORM).refine(isPattern, PATTERN_FORM).nullish(),
  methods: z.array(z.enum(METHODS, METHODS_FORM), METHODS_FORM).nullish(),
  condition: script,
  onRequest: script,
  onResponse: script,
  onFailure: script,
})

export const filtersSchema = z.looseObject({ filters: z.array(filter, 'must be an array of filters').default([]) })

export type FilterConfiguration = z.infer<typeof filter>
