import type { JsonObject } from '../contract.ts'
import { internalError, ResourceException } from '../crest/errors.ts'
import { matches } from '../crest/evaluate.ts'
import type { Condition } from './condition.ts'
import type { Scripts } from './scripts.ts'

/** Whether a condition holds, or why that cannot be said. */
export type Verdict = boolean | ResourceException

/**
 * Judges `condition` over each set of variables. A script that yields neither true nor false has failed: whether a
 * source takes part, or what becomes of it, is not guessed.
 * @param place of the condition, for messages
 */
export const judge = (
  condition: Condition | undefined,
  variables: readonly JsonObject[],
  scripts: Scripts,
  place: string,
): Promise<Verdict[]> =>
  verdicts(condition, variables, scripts, internalError(`${place}: the script must yield true or false`))

/** The same for the condition of a property. As in IDM, what a script yields besides true is false. */
export const judgeProperty = (
  condition: Condition | undefined,
  variables: readonly JsonObject[],
  scripts: Scripts,
): Promise<Verdict[]> => verdicts(condition, variables, scripts, false)

async function verdicts(
  condition: Condition | undefined,
  variables: readonly JsonObject[],
  scripts: Scripts,
  otherwise: Verdict,
): Promise<Verdict[]> {
  if (!condition || variables.length === 0) return variables.map(() => true)
  if ('filter' in condition) return variables.map((values) => matches(condition.filter, values))
  const results = await scripts.runMany({ script: condition.script, calls: variables })
  return results.map((result) => {
    if (result instanceof ResourceException) return result
    return typeof result.value === 'boolean' ? result.value : otherwise
  })
}
