import type { Json, JsonObject } from '../../contract.ts'
import { internalError, ResourceException } from '../../crest/errors.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import { type Action, isAction } from '../action.ts'
import type { Mapping, Policy } from '../mapping/mapping.ts'
import type { Scripts } from '../mapping/scripts.ts'
import { defaultAction, type Situation } from '../situation.ts'
import { judge } from './decide-condition.ts'

export interface Decision {
  readonly action: Action
  /** The index of the policy that decided; null = the default action. */
  readonly policy: number | null
}

/** A row whose situation is known. */
export interface PolicyTask {
  readonly row: Row
  readonly recorder?: WriteRecorder | undefined
}

type Decided = Decision | ResourceException

/**
 * The action for each row: that of the first policy for its situation whose condition holds, or else the default; or why
 * it cannot be determined. The scripts of a policy run for `taskThreads` rows at a time.
 */
export async function decide(
  mapping: Mapping,
  tasks: readonly PolicyTask[],
  reconId: string,
  scripts: Scripts,
): Promise<Decided[]> {
  const decided: Decided[] = tasks.map(({ row }) => ({
    action: defaultAction(row.situation as Situation),
    policy: null,
  }))
  const open = new Set(tasks.keys())
  const parallel = Math.max(1, mapping.taskThreads)
  for (const [place, policy] of mapping.policies.entries()) {
    const { situation } = policy
    const own = [...open].filter((index) => tasks[index]?.row.situation === situation)
    if (own.length === 0) continue
    const about = own.flatMap((index) => tasks[index] ?? [])
    const calls = about.map(({ row, recorder }) => ({
      variables: { object: row.source, linkQualifier: row.qualifier },
      recorder,
    }))
    const verdicts = await judge(policy.condition, calls, scripts, `condition of the policy for ${situation}`, parallel)
    const holding = about.filter((_, index) => verdicts[index] === true)
    const actions = (await actionsOf(mapping, policy, holding, reconId, scripts)).values()
    for (const [index, row] of own.entries()) {
      const verdict = verdicts[index] ?? false
      if (verdict === false) continue
      open.delete(row)
      const action = verdict === true ? (actions.next().value ?? NO_ACTION) : verdict
      decided[row] = action instanceof ResourceException ? action : { action, policy: place }
    }
  }
  return decided
}

const NO_ACTION = internalError('The policy yields no action')

async function actionsOf(
  mapping: Mapping,
  { action, situation }: Policy,
  tasks: readonly PolicyTask[],
  reconId: string,
  scripts: Scripts,
): Promise<(Action | ResourceException)[]> {
  if (isAction(action)) return tasks.map(() => action)
  const calls = tasks.map(({ row, recorder }) => {
    const { source, target, phase, qualifier: linkQualifier } = row
    const recon = { actionParam: actionParam(mapping, row, reconId) }
    return { variables: { source, target, sourceAction: phase === 'source', linkQualifier, recon }, recorder }
  })
  if (calls.length === 0) return []
  const results = await scripts.runMany({ script: action, calls, parallel: Math.max(1, mapping.taskThreads) })
  return results.map((result) => {
    if (result instanceof ResourceException) return result
    if (isAction(result.value)) return result.value
    return internalError(`The policy's script for ${situation} must yield the name of an action`)
  })
}

/** The content of `recon.actionParam`. */
function actionParam({ name }: Mapping, row: Row, reconId: string): JsonObject {
  const { situation, sourceId, targetId, qualifier: linkQualifier, ambiguous } = row
  const ambiguousTargetIds: Json = ambiguous && [...ambiguous]
  const action = defaultAction(situation as Situation)
  const ids = { sourceId, linkQualifier, targetId, ambiguousTargetIds }
  return { reconId, mapping: name, situation, action, ...ids, _action: 'performAction' }
}
