import type { JsonObject } from '../contract.ts'
import { ResourceException } from '../crest/errors.ts'
import { parseQueryFilter, type QueryFilter } from '../crest/query-filter.ts'
import { isObject } from '../util/json.ts'
import { z } from '../util/schema.ts'

/** A script object, as the configuration has it: `type`, `source` or `file`, `globals`. */
export type Script = JsonObject

/** A query filter over the variables of its place (`/object/mail pr`), or a script that yields a boolean. */
export type Condition = { readonly filter: QueryFilter } | { readonly script: Script }

const SCRIPT_FORM = 'must be a script: {"type": "text/javascript", "source" or "file"}'

const isScript = (value: JsonObject): boolean =>
  typeof value.type === 'string' && (typeof value.source === 'string') !== (typeof value.file === 'string')

/** A script; the file it names is looked for when it runs. */
export const scriptSchema = z.custom<Script>((value) => isObject(value) && isScript(value), SCRIPT_FORM)

/** A hook: null counts as absent. */
export const hookSchema = scriptSchema.nullish().transform((script) => script ?? undefined)

const FILTER_FORM = 'must be a query filter such as "/object/mail pr", or a script'

export const conditionSchema = z
  .union([z.string(), z.boolean(), scriptSchema], FILTER_FORM)
  .nullish()
  .transform((value, context): Condition | undefined => {
    if (value === null || value === undefined || value === '') return undefined
    if (typeof value === 'object') return { script: value }
    try {
      return { filter: parseQueryFilter(String(value)) }
    } catch (error) {
      const fault = error instanceof ResourceException ? error.message : String(error)
      context.addIssue({ code: 'custom', message: `${FILTER_FORM}: ${fault}` })
      return z.NEVER
    }
  })
