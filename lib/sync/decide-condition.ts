import type { JsonObject } from '../contract.ts'
import { internalError, ResourceException } from '../crest/errors.ts'
import { matches } from '../crest/evaluate.ts'
import type { Condition } from './condition.ts'
import type { Scripts } from './scripts.ts'

/** Whether a condition holds, or why that cannot be said. */
export type Verdict = boolean | ResourceException

/**
 * Judges `condition` over each set of variables; a script must yield true or false.
 * @param place of the condition, for messages
 */
export async function judge(
  condition: Condition | undefined,
  variables: readonly JsonObject[],
  scripts: Scripts,
  place: string,
): Promise<Verdict[]> {
  if (!condition || variables.length === 0) return variables.map(() => true)
  if ('filter' in condition) return variables.map((values) => matches(condition.filter, values))
  const results = await scripts.runMany({ script: condition.script, calls: variables })
  return results.map((result) => {
    if (result instanceof ResourceException) return result
    if (typeof result.value === 'boolean') return result.value
    return internalError(`${place}: the script must yield true or false`)
  })
}
