import type { Json, JsonObject } from '../../contract.ts'
import { parseJson } from '../../core/json.ts'
import { internalError, type ResourceException } from '../../crest/errors.ts'
import type { Ended } from '../guest/entry.ts'
import type { Outcome } from '../protocol.ts'
import { stoppedException, thrownException } from '../script-exception.ts'
import type { KeptNumbers } from './kept-numbers.ts'

/** The result of one run. `variables`: the requested ones, as the script left them. */
export interface ScriptResult {
  readonly value: Json
  readonly variables: JsonObject
}

export type ScriptOutcome = ScriptResult | { readonly error: ResourceException }

export interface ScriptFacts {
  /** For messages. */
  readonly name: string
  /** Whether messages contain the line. */
  readonly showPlaces: boolean
  /** The long numbers in the input of the runs. */
  readonly kept?: KeptNumbers
  /** The number of the first of them; 0 unless given. */
  readonly firstRun?: number
}

/** The outcomes of `count` runs from the messages of the thread. Runs that never started share the last fault. */
export function scriptOutcomes(outcomes: readonly Outcome[], count: number, facts: ScriptFacts): ScriptOutcome[] {
  const all = outcomes
    .flatMap((outcome) => outcomesOf(outcome, facts))
    .map((outcome, place) => exact(outcome, place, facts))
  const last = all.at(-1) ?? { error: internalError(`The script ${facts.name} has no result`) }
  return Array.from({ length: count }, (_, index) => all[index] ?? last)
}

function outcomesOf(outcome: Outcome, facts: ScriptFacts): ScriptOutcome[] {
  if ('fault' in outcome) return [{ error: stoppedException(outcome.fault, facts.name) }]
  try {
    return (parseJson(outcome.ends) as readonly Ended[]).map((ended) => outcomeOf(ended, facts))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return [{ error: internalError(`The result of the script ${facts.name}: ${message}`) }]
  }
}

/** Restores the digits of long numbers in the input of the run. */
function exact(outcome: ScriptOutcome, place: number, { kept, name, firstRun = 0 }: ScriptFacts): ScriptOutcome {
  if ('error' in outcome || !kept) return outcome
  const run = firstRun + place
  try {
    return { value: kept.inValue(run, outcome.value), variables: kept.inVariables(run, outcome.variables) }
  } catch (error) {
    return { error: internalError(`The result of the script ${name}: ${(error as Error).message}`) }
  }
}

function outcomeOf(ended: Ended, facts: ScriptFacts): ScriptOutcome {
  if ('thrown' in ended) return { error: thrownException(ended.thrown, facts) }
  const { value = null, variables = {} } = ended
  return { value: value as Json, variables: variables as JsonObject }
}
