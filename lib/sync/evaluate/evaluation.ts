import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { FieldChange, Row } from '../../repo/runs/run-row.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'
import { ACTION_RULES, type Action, impossible, isAction } from '../action.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { Scripts } from '../mapping/scripts.ts'
import type { ObjectSet } from '../read/object-set.ts'
import type { Agreements } from './agreements.ts'
import { desiredTargets, ontoOf } from './desired-targets.ts'
import { differences, hasEffect } from './difference.ts'
import type { Hooks } from './hooks.ts'
import type { LinkSpace } from './link-space.ts'
import type { Mapper } from './mapper.ts'
import { type Decision, decide } from './policy.ts'
import type { SentValues } from './sent-values.ts'
import type { Targets } from './targets.ts'

/** The relationships that a mapping carries over. */
export interface RelationshipReview {
  /**
   * Adds what differs to the changes of rows.
   * @param isAnalysis whether rows that create an object name its relationships
   */
  review(rows: readonly Row[], isAnalysis: boolean): Promise<void>
  /** The relationships that the object of a CREATE is to have, by the present links. */
  additions(row: Row): Promise<FieldChange[]>
}

/** What the evaluation needs from its run. */
export interface EvaluationOptions {
  readonly mapping: Mapping
  readonly mapper: Mapper
  readonly links: LinkSpace
  readonly scripts: Scripts
  readonly hooks: Hooks
  /** For sources that the source query did not return. */
  readonly sources: ObjectSet
  readonly targets: Targets
  readonly rows: RunRows
  readonly sentValues: SentValues
  readonly agreements: Agreements
  readonly relationships: RelationshipReview
  readonly reconId: string
  /** The source before the change that is carried over; null = none, or not known. */
  readonly oldSource: JsonObject | null
  /** Nothing is written. Rows contain the writes that scripts request; hooks that change targets are run, too. */
  readonly isAnalysis: boolean
  /** Makes the recorder of one row; undefined = the writes of scripts are executed. */
  readonly newRecorder: (() => WriteRecorder) | undefined
  /** False when no source can correlate: there is no target, or the mapping has no correlation. */
  readonly correlates: boolean
  /** Whether later sources may correlate with what the run is going to create. */
  readonly plansCreations: boolean
  /** The action of an explicit request, in place of the policies; throws when it is not allowed. */
  readonly forced?: (row: Row) => Action
}

/** A row during its evaluation. */
export interface Case {
  readonly row: Row
  mapped: JsonObject | ResourceException | undefined
  /** Known without mapping: the mapping would not change the target. */
  isSame: boolean
  /** For all scripts of the row, in an analysis. */
  readonly recorder?: WriteRecorder | undefined
  /** For the mapping before the decision. */
  early?: WriteRecorder | undefined
}

/** Whether it has not failed so far. */
export const isFine = ({ row }: Case): boolean => row.status === null

export const taskOf = ({ row: { source, qualifier }, recorder }: Case) => ({
  source: source ?? {},
  linkQualifier: qualifier,
  recorder,
})

/** Whether its action maps the source. */
export const isMapped = ({ row: { action, source } }: Case): boolean =>
  source !== null && isAction(action) && ACTION_RULES[action].maps

/** The failure of EXCEPTION, and of a row with an outdated decision. */
export const situationFailure = (message: string): JsonObject => ({ code: 409, reason: 'Conflict', message })

/** Ends the row as a failure. Its message names the requirements of a policy that the target reports in the detail. */
export function fail(row: Row, error: unknown): void {
  const failure = toResourceException(error)
  const message = [failure.message, ...policyFailures(failure.detail)].join('; ')
  row.status = 'FAILURE'
  row.failure = { ...failure.toJSON(), message } as JsonObject
  row.reason = message
  if (failure.retryAfterMs !== undefined) row.retryAfterMs = failure.retryAfterMs
}

/** `password: MIN_LENGTH {"minLength":8}`, one for each property in the detail of a policy failure. */
function policyFailures(detail: Json | undefined): string[] {
  const failed = isObject(detail) ? detail.failedPolicyRequirements : undefined
  if (!Array.isArray(failed)) return []
  return failed.filter(isObject).map(({ property, policyRequirements }) => {
    const requirements = Array.isArray(policyRequirements) ? policyRequirements.filter(isObject) : []
    const names = requirements.map(({ policyRequirement, params }) =>
      [String(policyRequirement), ...(params ? [JSON.stringify(params)] : [])].join(' '),
    )
    return `${String(property)}: ${names.join(', ')}`
  })
}

/** Decides on an action for each row by the policies of the mapping; a script that fails fails its row. */
export async function decideCases(parts: EvaluationOptions, cases: readonly Case[]): Promise<void> {
  const { forced, mapping, reconId, scripts } = parts
  const decided = forced
    ? cases.map(({ row }) => forcedDecision(forced, row))
    : await decide(mapping, cases, reconId, scripts)
  for (const [index, { row }] of cases.entries()) {
    const decision = decided[index]
    if (decision instanceof ResourceException) fail(row, decision)
    else Object.assign(row, decision)
  }
}

function forcedDecision(forced: (row: Row) => Action, row: Row): Decision | ResourceException {
  try {
    return { action: forced(row), policy: null }
  } catch (error) {
    return toResourceException(error)
  }
}

/**
 * Maps sources whose targets will probably be created, before that is decided. Writes that scripts request meanwhile are
 * discarded; `mapCases` maps such sources again.
 */
export async function mapEarly({ mapper }: EvaluationOptions, cases: readonly Case[]): Promise<void> {
  if (cases.length === 0) return
  for (const one of cases) one.early = one.recorder?.fork()
  const tasks = cases.map((one) => ({ ...taskOf(one), recorder: one.early, onto: {} }))
  const mapped = await mapper.map(tasks)
  for (const [index, one] of cases.entries()) one.mapped = mapped[index]
}

/** Maps the cases that need a result; in an analysis the hooks that change targets are run, too. */
export async function mapCases(parts: EvaluationOptions, cases: readonly Case[]): Promise<void> {
  const { mapper, hooks, agreements, isAnalysis } = parts
  const isHooked = isAnalysis && hooks.makeTargets
  const open = cases.filter((one) => {
    const { source, target, action } = one.row
    if (one.early && !(one.early.isUnused && one.recorder?.isUnused)) one.mapped = undefined
    if (!isHooked && !agreements.isActive && source && target && action === 'UPDATE')
      one.isSame = mapper.leaves(target, source)
    return isHooked || (one.mapped === undefined && !one.isSame)
  })
  if (open.length === 0) return
  const mapped = isHooked
    ? await desiredTargets(
        parts,
        open.map(({ row, mapped, recorder }) => ({ row, recorder, mapped: knownOf(mapped) })),
      )
    : await mapper.map(open.map((one) => ({ ...taskOf(one), onto: ontoOf(one.row) })))
  for (const [index, one] of open.entries()) one.mapped = mapped[index]
}

const knownOf = (mapped: Case['mapped']): JsonObject | undefined => (mapped instanceof Error ? undefined : mapped)

/** Completes the rows with their changes and, where nothing is left to be done, their status. */
export async function finishRows(parts: EvaluationOptions, cases: readonly Case[]): Promise<Row[]> {
  for (const one of cases) if (isFine(one)) setChanges(parts, one)
  await parts.sentValues.review(cases.filter(isFine).map(({ row }) => row))
  await reviewAgreements(parts, cases.filter(isFine))
  const mapped = cases.filter((one) => isFine(one) && isMapped(one))
  await parts.relationships.review(
    mapped.map(({ row }) => row),
    parts.isAnalysis,
  )
  for (const one of cases) if (isFine(one)) settle(parts, one)
  return cases.map(({ row }) => row)
}

/** Hooks that change targets run later, when a row is carried out: only then it is known what differs. */
async function reviewAgreements({ agreements, hooks, isAnalysis }: EvaluationOptions, cases: readonly Case[]) {
  if (!agreements.isActive || (hooks.makeTargets && !isAnalysis)) return
  const reviewed = cases.flatMap(({ row, mapped }) => (mapped && !(mapped instanceof Error) ? [{ row, mapped }] : []))
  await agreements.review(reviewed, !isAnalysis)
}

function setChanges({ mapper, hooks, isAnalysis }: EvaluationOptions, one: Case): void {
  const { row, mapped } = one
  if (!isMapped(one)) return
  if (mapped instanceof Error) return void fail(row, mapped)
  if (one.isSame && row.action === 'UPDATE') row.changes = []
  else if (mapped && row.action === 'UPDATE') row.changes = differences(row.target ?? {}, mapped)
  // All fields of a created object are new.
  else if (mapped && isAnalysis) row.changes = differences({}, mapped)
  row.mapped = mapped && (mapper.runsScripts || (isAnalysis && hooks.makeTargets)) ? mapped : null
}

/** Sets the status of a row where nothing is left to be done. */
function settle({ mapping, isAnalysis }: EvaluationOptions, { row, recorder }: Case): void {
  const { action, source, target } = row
  if (!isAction(action)) return
  const rule = ACTION_RULES[action]
  // An existing link claims the target already.
  row.claims = rule.links && mapping.enableLinking && row.link === null
  const fault = impossible(action, { source: source !== null, target: target !== null })
  const raised = action === 'EXCEPTION' ? `${row.situation}: ${row.reason}` : fault
  if (row.policy !== null) row.reason = `${row.reason}; a policy says ${action}`
  if (action === 'UPDATE' && mapping.updateMethod === 'put' && (row.changes === null || row.changes.some(hasEffect)))
    row.reason = `${row.reason}; ${WHOLE_OBJECT}`
  if (raised !== undefined && !isAnalysis && !mapping.onError && !hasPostAction(mapping, row)) {
    row.status = 'FAILURE'
    row.failure = situationFailure(raised)
  } else if (!needsWork(mapping, row, recorder)) row.status = 'SUCCESS'
  row.writes = recorder?.writes ?? null
  row.isApproximate = recorder?.isApproximate ?? false
  if (row.status !== null && row.changes?.length === 0) row.changes = null
}

const WHOLE_OBJECT = 'the whole object is sent: fields that the target does not show are lost'

const hasPostAction = ({ policies }: Mapping, { action, policy }: Row): boolean =>
  policy !== null && policies[policy]?.postAction !== undefined && isAction(action) && ACTION_RULES[action].postAction

/** False when the action does nothing, or when a linked target has no changes and no script runs. */
function needsWork(mapping: Mapping, row: Row, recorder: WriteRecorder | undefined): boolean {
  const { action, changes, link } = row
  if (recorder && recorder.writes.length > 0) return true
  if (hasPostAction(mapping, row) || action === 'EXCEPTION') return true
  if (!isAction(action) || !ACTION_RULES[action].writes) return false
  if (action === 'UNLINK') return link !== null
  if (action !== 'UPDATE') return true
  // The others have been run in an analysis.
  const hooks = (recorder ? undefined : (mapping.onUpdate ?? mapping.onMapping)) ?? mapping.postMapping
  return changes === null || changes.some(hasEffect) || hooks !== undefined || (link === null && mapping.enableLinking)
}
