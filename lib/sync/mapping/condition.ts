import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { evaluable } from '../../crest/filter/evaluate.ts'
import { parseQueryFilter, type QueryFilter } from '../../crest/filter/query-filter.ts'
import { parseScript } from '../../script/main/script.ts'

/** A script object, as the configuration has it: `type`, `source` or `file`, `globals`. */
export type Script = JsonObject

/** A query filter over the variables at its place (`/object/mail pr`), or a script that yields a boolean. */
export type Condition = { readonly filter: QueryFilter } | { readonly script: Script }

const SCRIPT_FORM = 'must be a script: {"type": "text/javascript", "source" or "file"}'

/** Why a value is not a valid script; undefined when it is. */
export function scriptFault(value: unknown): string | undefined {
  if (!isObject(value)) return SCRIPT_FORM
  try {
    parseScript(value)
    return undefined
  } catch (error) {
    return `${SCRIPT_FORM} (${(error as Error).message.replace('The script: ', '')})`
  }
}

/** The message for a value that is neither a script nor of the given form. */
export const orScript = (form: string) => ({
  error: ({ input }: { readonly input?: unknown }) =>
    isObject(input) ? (scriptFault(input)?.replace(SCRIPT_FORM, form) ?? form) : form,
})

/** A script. Its file is only looked up when it runs. */
export const scriptSchema = z.custom<Script>((value) => scriptFault(value) === undefined, {
  error: ({ input }) => scriptFault(input) ?? SCRIPT_FORM,
})

/** A hook: null counts as absent. */
export const hookSchema = scriptSchema.nullish().transform((script) => script ?? undefined)

const FILTER_FORM = 'must be a query filter such as "/object/mail pr", or a script'

export const conditionSchema = z
  .union([z.string(), z.boolean(), scriptSchema], orScript(FILTER_FORM))
  .nullish()
  .transform((value, context): Condition | undefined => {
    if (value === null || value === undefined || value === '') return undefined
    if (typeof value === 'object') return { script: value }
    try {
      return { filter: evaluable(parseQueryFilter(String(value))) }
    } catch (error) {
      context.addIssue({ code: 'custom', message: `${FILTER_FORM}: ${(error as Error).message}` })
      return z.NEVER
    }
  })
