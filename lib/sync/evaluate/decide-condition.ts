import { internalError, ResourceException } from '../../crest/errors.ts'
import { matches } from '../../crest/filter/evaluate.ts'
import type { Condition } from '../mapping/condition.ts'
import type { ScriptCall, Scripts } from '../mapping/scripts.ts'

/** Whether a condition holds, or why that cannot be determined. */
export type Verdict = boolean | ResourceException

/**
 * Evaluates `condition` over the variables of each call. A script that yields neither true nor false fails: whether a
 * source takes part, or what is done about it, is never guessed.
 * @param place of the condition, for messages
 * @param parallel max concurrent runs of a script
 */
export const judge = (
  condition: Condition | undefined,
  calls: readonly ScriptCall[],
  scripts: Scripts,
  place: string,
  parallel = 1,
): Promise<Verdict[]> =>
  verdicts(condition, calls, scripts, internalError(`${place}: the script must yield true or false`), parallel)

/** The same for the condition of a property. As in IDM, any result of a script but true is false. */
export const judgeProperty = (
  condition: Condition | undefined,
  calls: readonly ScriptCall[],
  scripts: Scripts,
): Promise<Verdict[]> => verdicts(condition, calls, scripts, false)

async function verdicts(
  condition: Condition | undefined,
  calls: readonly ScriptCall[],
  scripts: Scripts,
  otherwise: Verdict,
  parallel = 1,
): Promise<Verdict[]> {
  if (!condition || calls.length === 0) return calls.map(() => true)
  if ('filter' in condition) return calls.map(({ variables }) => matches(condition.filter, variables))
  const results = await scripts.runMany({ script: condition.script, calls, parallel })
  return results.map((result) => {
    if (result instanceof ResourceException) return result
    return typeof result.value === 'boolean' ? result.value : otherwise
  })
}
