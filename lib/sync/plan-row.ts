import type { JsonObject } from '../contract.ts'
import { ResourceException, toResourceException } from '../crest/errors.ts'
import { withoutIdentity } from '../crest/represent.ts'
import type { NewRow, RowStatus } from '../repo/run-rows.ts'
import { ACTION_RULES, type Action, impossible } from './action.ts'
import { type Change, differences } from './difference.ts'
import type { PairLink } from './link-space.ts'
import type { Mapping } from './mapping.ts'
import type { Decision } from './policy.ts'
import type { Assessment } from './situation.ts'

/** What carrying out a row needs. Objects have `_id` and `_rev`, `mapped` has neither. */
export interface Work {
  readonly source: JsonObject | null
  readonly target: JsonObject | null
  readonly mapped: JsonObject | null
  readonly link: PairLink | null
  /** Which policy of the mapping decided; null = none. */
  readonly policy: number | null
}

/** All that is known about one pair when its row is written. */
export interface PlannedCase {
  readonly phase: 'source' | 'target'
  readonly qualifier: string
  readonly sourceId: string | null
  readonly source: JsonObject | null
  readonly targetId: string | null
  readonly targetKey: string | null
  readonly target: JsonObject | null
  readonly link: PairLink | null
  readonly ambiguous: readonly string[] | null
  readonly assessment: Assessment | undefined
  readonly decision: Decision | undefined
  readonly mapped: JsonObject | ResourceException | undefined
  /** Known without mapping: the mapping would leave the target as it is. */
  readonly isSame?: boolean
  readonly failure: ResourceException | undefined
}

/** The row of a case; one that leaves nothing to be done has its status already. */
export function planRow(mapping: Mapping, one: PlannedCase, isAnalysis: boolean): NewRow {
  const { assessment, decision } = one
  const failure = one.failure ?? (one.mapped instanceof ResourceException ? one.mapped : undefined)
  if (failure || !assessment || !decision) return failedRow(one, failure ?? toResourceException(undefined))
  const { action } = decision
  const rule = ACTION_RULES[action]
  // All of what is created is new.
  const changes = action === 'CREATE' && !isAnalysis ? null : changesOf(one, action)
  const fault = impossible(action, { source: one.source !== null, target: one.target !== null })
  const raised = action === 'EXCEPTION' ? `${assessment.situation}: ${assessment.reason}` : fault
  const rest = {
    // A link that is there says it already.
    claims: rule.links && mapping.enableLinking && one.link === null,
    situation: assessment.situation,
    action,
    reason: decision.policy ? `${assessment.reason}; a policy says ${action}` : assessment.reason,
    changes: changes === null || changes.length === 0 ? null : changes.map((change) => ({ ...change })),
  }
  if (raised !== undefined && !isAnalysis && !mapping.onError && !hasPostAction(decision))
    return { ...common(one), ...rest, status: 'FAILURE', failure: situationFailure(raised), work: null }
  if (!needsWork(mapping, one, decision, changes))
    return { ...common(one), ...rest, status: 'SUCCESS', failure: null, work: null }
  return { ...common(one), ...rest, status: null, failure: null, work: workOf(mapping, one) }
}

/** What an EXCEPTION is told as. */
export const situationFailure = (message: string): JsonObject => ({ code: 409, reason: 'Conflict', message })

const hasPostAction = ({ action, policy }: Decision): boolean =>
  policy?.postAction !== undefined && ACTION_RULES[action].postAction

/** Nothing to do: the action does nothing, or a linked target is what the mapping makes of it and no script wants to know. */
function needsWork(mapping: Mapping, one: PlannedCase, decision: Decision, changes: Change[] | null): boolean {
  const { action } = decision
  if (hasPostAction(decision) || action === 'EXCEPTION') return true
  if (!ACTION_RULES[action].writes) return false
  if (action === 'UNLINK') return one.link !== null
  if (action !== 'UPDATE') return true
  const hooks = mapping.onUpdate ?? mapping.onMapping ?? mapping.postMapping
  return changes === null || changes.length > 0 || hooks !== undefined || (one.link === null && mapping.enableLinking)
}

function changesOf(one: PlannedCase, action: Action): Change[] | null {
  if (one.isSame && action === 'UPDATE') return NO_CHANGES
  const { mapped, target } = one
  if (!ACTION_RULES[action].maps || !mapped || mapped instanceof ResourceException) return null
  return differences(action === 'UPDATE' && target ? target : {}, mapped)
}

const NO_CHANGES: Change[] = []

const workOf = (mapping: Mapping, { source, target, mapped, link, decision }: PlannedCase): JsonObject => ({
  source,
  target,
  // What costs nothing to make again need not be kept.
  mapped: mapped && !(mapped instanceof ResourceException) && !isScriptless(mapping) ? mapped : null,
  link: link && { ...link },
  policy: decision?.policy ? mapping.policies.indexOf(decision.policy) : null,
})

const isScriptless = ({ properties }: Mapping): boolean =>
  properties.every(({ transform, condition }) => !transform && !(condition && 'script' in condition))

/** Reads it back. */
export const workIn = (work: JsonObject): Work => work as unknown as Work

function common(one: PlannedCase) {
  const { phase, qualifier, sourceId, targetId, targetKey, ambiguous } = one
  return { phase, qualifier, sourceId, targetId, targetKey, ambiguous }
}

function failedRow(one: PlannedCase, failure: ResourceException): NewRow {
  const status: RowStatus = 'FAILURE'
  return {
    ...common(one),
    claims: false,
    situation: one.assessment?.situation ?? '',
    action: one.decision?.action ?? '',
    reason: failure.message,
    status,
    failure: { ...failure.toJSON() } as JsonObject,
    changes: null,
    work: null,
  }
}

/** The copy of a target that properties are mapped onto. */
export const ontoTarget = (target: JsonObject | null): JsonObject => (target ? withoutIdentity(target) : {})
