import type { JsonObject } from '../../contract.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { Row, RunRows } from '../../repo/run-rows.ts'
import { ACTION_RULES, type Action, impossible, isAction } from '../action.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { Scripts } from '../mapping/scripts.ts'
import type { ObjectSet } from '../read/object-set.ts'
import { desiredTargets, ontoOf } from './desired-targets.ts'
import { differences } from './difference.ts'
import type { Hooks } from './hooks.ts'
import type { LinkSpace } from './link-space.ts'
import type { Mapper } from './mapper.ts'
import { type Decision, decide } from './policy.ts'
import type { SentValues } from './sent-values.ts'
import type { Targets } from './targets.ts'

/** What evaluation needs of its run. */
export interface EvaluationParts {
  readonly mapping: Mapping
  readonly mapper: Mapper
  readonly links: LinkSpace
  readonly scripts: Scripts
  readonly hooks: Hooks
  /** For sources that the source query did not bring. */
  readonly sources: ObjectSet
  readonly targets: Targets
  readonly rows: RunRows
  readonly sentValues: SentValues
  readonly reconId: string
  /** Nothing is written: each row has what scripts would write. The hooks that make targets run, too. */
  readonly isAnalysis: boolean
  /** For one row; undefined = scripts write. */
  readonly newRecorder: (() => WriteRecorder) | undefined
  /** False when there was no target at the start, or the mapping does not correlate: no source can correlate. */
  readonly correlates: boolean
  /** What will be created has to be known before the sources behind it are evaluated: they may correlate with it. */
  readonly plansCreations: boolean
  /** The action that a caller asked for, in place of the one that policies give; throws when it is not allowed. */
  readonly forced?: (row: Row) => Action
}

/** A row on its way to its decision. */
export interface Case {
  readonly row: Row
  mapped: JsonObject | ResourceException | undefined
  /** Known without mapping: the mapping would leave the target as it is. */
  isSame: boolean
  /** Of all scripts of the row, in an analysis. */
  readonly recorder?: WriteRecorder | undefined
  /** Of mapping it before the decision. */
  ahead?: WriteRecorder | undefined
}

/** Whether nothing has failed yet. */
export const isFine = ({ row }: Case): boolean => row.status === null

export const taskOf = ({ row: { source, qualifier }, recorder }: Case) => ({
  source: source ?? {},
  linkQualifier: qualifier,
  recorder,
})

/** Whether its target is made from its source's properties. */
export const isMapped = ({ row: { action, source } }: Case): boolean =>
  source !== null && isAction(action) && ACTION_RULES[action].maps

/** What EXCEPTION, and a row that was decided by what is not so any more, fail with. */
export const situationFailure = (message: string): JsonObject => ({ code: 409, reason: 'Conflict', message })

/** The row ends: it could not be evaluated or carried out. */
export function fail(row: Row, error: unknown): void {
  const failure = toResourceException(error)
  row.status = 'FAILURE'
  row.failure = { ...failure.toJSON() } as JsonObject
  row.reason = failure.message
}

/** Decides about the rows by the mapping's policies; a script that fails fails its row. */
export async function decideCases(parts: EvaluationParts, cases: readonly Case[]): Promise<void> {
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
 * Maps sources whose targets are to be created before it is decided whether they are. What the scripts would write is
 * forgotten: where that is anything, the sources are mapped again by `mapCases`.
 */
export async function mapAhead({ mapper }: EvaluationParts, cases: readonly Case[]): Promise<void> {
  if (cases.length === 0) return
  for (const one of cases) one.ahead = one.recorder?.fork()
  const tasks = cases.map((one) => ({ ...taskOf(one), recorder: one.ahead, onto: {} }))
  const mapped = await mapper.map(tasks)
  for (const [index, one] of cases.entries()) one.mapped = mapped[index]
}

/** Maps the cases whose targets have to be known, in an analysis with what hooks make of them. */
export async function mapCases(parts: EvaluationParts, cases: readonly Case[]): Promise<void> {
  const { mapper, hooks, isAnalysis } = parts
  const isHooked = isAnalysis && hooks.makeTargets
  const open = cases.filter((one) => {
    const { source, target, action } = one.row
    if (one.ahead && !(one.ahead.isUnused && one.recorder?.isUnused)) one.mapped = undefined
    if (!isHooked && source && target && action === 'UPDATE') one.isSame = mapper.leaves(target, source)
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

/** Finishes the rows of cases: what they change, and whether anything is left to be carried out. */
export async function finishRows(parts: EvaluationParts, cases: readonly Case[]): Promise<Row[]> {
  for (const one of cases) if (isFine(one)) setChanges(parts, one)
  await parts.sentValues.review(cases.filter(isFine).map(({ row }) => row))
  for (const one of cases) if (isFine(one)) settle(parts, one)
  return cases.map(({ row }) => row)
}

function setChanges({ mapper, hooks, isAnalysis }: EvaluationParts, one: Case): void {
  const { row, mapped } = one
  if (!isMapped(one)) return
  if (mapped instanceof Error) return void fail(row, mapped)
  if (one.isSame && row.action === 'UPDATE') row.changes = []
  else if (mapped && row.action === 'UPDATE') row.changes = differences(row.target ?? {}, mapped)
  // All of what is created is new.
  else if (mapped && isAnalysis) row.changes = differences({}, mapped)
  row.mapped = mapped && (mapper.runsScripts || (isAnalysis && hooks.makeTargets)) ? mapped : null
}

/** Gives the row its status where nothing is left to be carried out. */
function settle({ mapping, isAnalysis }: EvaluationParts, { row, recorder }: Case): void {
  const { action, source, target } = row
  if (!isAction(action)) return
  const rule = ACTION_RULES[action]
  // A link that is there says it already.
  row.claims = rule.links && mapping.enableLinking && row.link === null
  const fault = impossible(action, { source: source !== null, target: target !== null })
  const raised = action === 'EXCEPTION' ? `${row.situation}: ${row.reason}` : fault
  if (row.policy !== null) row.reason = `${row.reason}; a policy says ${action}`
  if (action === 'UPDATE' && mapping.updateMethod === 'put' && row.changes?.length !== 0)
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

/** Nothing to do: the action does nothing, or a linked target is what the mapping makes of it and no script runs. */
function needsWork(mapping: Mapping, row: Row, recorder: WriteRecorder | undefined): boolean {
  const { action, changes, link } = row
  if (recorder && recorder.writes.length > 0) return true
  if (hasPostAction(mapping, row) || action === 'EXCEPTION') return true
  if (!isAction(action) || !ACTION_RULES[action].writes) return false
  if (action === 'UNLINK') return link !== null
  if (action !== 'UPDATE') return true
  // In an analysis the others have run.
  const hooks = (recorder ? undefined : (mapping.onUpdate ?? mapping.onMapping)) ?? mapping.postMapping
  return changes === null || changes.length > 0 || hooks !== undefined || (link === null && mapping.enableLinking)
}
