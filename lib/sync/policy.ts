import type { Json, JsonObject } from '../contract.ts'
import { internalError, ResourceException } from '../crest/errors.ts'
import { type Action, isAction } from './action.ts'
import { judge } from './decide-condition.ts'
import type { Mapping, Policy } from './mapping.ts'
import { runScript, type Scripts } from './scripts.ts'
import { DEFAULT_ACTIONS, type Situation } from './situation.ts'

/** What a policy may look at. */
export interface PolicyFacts {
  readonly situation: Situation
  readonly linkQualifier: string
  readonly source: JsonObject | null
  readonly target: JsonObject | null
  /** True in the source phase. */
  readonly sourceAction: boolean
  readonly sourceId: string | null
  readonly targetId: string | null
  readonly ambiguousTargetIds: readonly string[] | null
  readonly reconId: string
}

export interface Decision {
  readonly action: Action
  /** The policy that decided; undefined = none did. */
  readonly policy: Policy | undefined
}

/**
 * The action of the first policy for the situation whose condition holds, or else the default one.
 * @throws ResourceException when a script fails or yields no action
 */
export async function decide(mapping: Mapping, facts: PolicyFacts, scripts: Scripts): Promise<Decision> {
  const { situation, linkQualifier } = facts
  for (const policy of mapping.policies) {
    if (policy.situation !== situation) continue
    const place = `condition of the policy for ${situation}`
    const [verdict] = await judge(policy.condition, [{ object: facts.source, linkQualifier }], scripts, place)
    if (verdict instanceof ResourceException) throw verdict
    if (verdict) return { action: await actionOf(mapping, policy, facts, scripts), policy }
  }
  return { action: DEFAULT_ACTIONS[situation], policy: undefined }
}

async function actionOf(mapping: Mapping, { action }: Policy, facts: PolicyFacts, scripts: Scripts): Promise<Action> {
  if (isAction(action)) return action
  const { source, target, sourceAction, linkQualifier } = facts
  const bindings = { source, target, sourceAction, linkQualifier, recon: { actionParam: actionParam(mapping, facts) } }
  const { value } = await runScript(scripts, action, bindings)
  if (isAction(value)) return value
  throw internalError(`The policy's script for ${facts.situation} must yield the name of an action`)
}

/** What `recon.actionParam` holds. */
function actionParam({ name }: Mapping, facts: PolicyFacts): JsonObject {
  const { situation, sourceId, targetId, linkQualifier, ambiguousTargetIds, reconId } = facts
  const ids: Json = ambiguousTargetIds === null ? null : [...ambiguousTargetIds]
  return {
    reconId,
    mapping: name,
    situation,
    action: DEFAULT_ACTIONS[situation],
    sourceId,
    linkQualifier,
    targetId,
    ambiguousTargetIds: ids,
    _action: 'performAction',
  }
}
