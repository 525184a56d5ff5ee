import type { Json, JsonObject } from '../contract.ts'
import { internalError, ResourceException } from '../crest/errors.ts'
import type { Row } from '../repo/run-rows.ts'
import { type Action, isAction } from './action.ts'
import { judge } from './decide-condition.ts'
import type { Mapping, Policy } from './mapping.ts'
import { runScript, type Scripts } from './scripts.ts'
import { DEFAULT_ACTIONS, type Situation } from './situation.ts'

export interface Decision {
  readonly action: Action
  /** The place of the policy that decided; null = none did. */
  readonly policy: number | null
}

/** The default action, where no policy of the mapping is about the situation. */
export const defaultDecision = ({ policies }: Mapping, situation: Situation): Decision | undefined =>
  policies.some((policy) => policy.situation === situation)
    ? undefined
    : { action: DEFAULT_ACTIONS[situation], policy: null }

/**
 * The action of the first policy for the row's situation whose condition holds, or else the default one.
 * @throws ResourceException when a script fails or yields no action
 */
export async function decide(mapping: Mapping, row: Row, reconId: string, scripts: Scripts): Promise<Decision> {
  const situation = row.situation as Situation
  for (const [place, policy] of mapping.policies.entries()) {
    if (policy.situation !== situation) continue
    const variables = { object: row.source, linkQualifier: row.qualifier }
    const [verdict] = await judge(policy.condition, [variables], scripts, `condition of the policy for ${situation}`)
    if (verdict instanceof ResourceException) throw verdict
    if (verdict) return { action: await actionOf(mapping, policy, row, reconId, scripts), policy: place }
  }
  return { action: DEFAULT_ACTIONS[situation], policy: null }
}

async function actionOf(
  mapping: Mapping,
  { action, situation }: Policy,
  row: Row,
  reconId: string,
  scripts: Scripts,
): Promise<Action> {
  if (isAction(action)) return action
  const { source, target, phase, qualifier: linkQualifier } = row
  const recon = { actionParam: actionParam(mapping, row, reconId) }
  const bindings = { source, target, sourceAction: phase === 'source', linkQualifier, recon }
  const { value } = await runScript(scripts, action, bindings)
  if (isAction(value)) return value
  throw internalError(`The policy's script for ${situation} must yield the name of an action`)
}

/** What `recon.actionParam` holds. */
function actionParam({ name }: Mapping, row: Row, reconId: string): JsonObject {
  const { situation, sourceId, targetId, qualifier: linkQualifier, ambiguous } = row
  const ambiguousTargetIds: Json = ambiguous && [...ambiguous]
  const action = DEFAULT_ACTIONS[situation as Situation]
  const ids = { sourceId, linkQualifier, targetId, ambiguousTargetIds }
  return { reconId, mapping: name, situation, action, ...ids, _action: 'performAction' }
}
