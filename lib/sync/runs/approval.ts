import { isDeepStrictEqual } from 'node:util'
import { conflict } from '../../crest/errors.ts'
import type { RowCount } from '../../repo/runs/run-rows.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import { ACTION_RULES, isAction } from '../action.ts'
import type { Caller, PlanRecord } from '../context/plan-record.ts'
import type { Mapping } from '../mapping/mapping.ts'

export type PlanState = 'OPEN' | 'WAITING' | 'APPROVED' | 'PARTLY' | 'EXECUTED' | 'EXPIRED' | 'CHANGED'

export interface PlanFacts {
  readonly record: PlanRecord
  /** Whether rows are left to be carried out. */
  readonly isOpen: boolean
  /** What differs from when it was made. */
  readonly changed: readonly string[]
  readonly requiresApproval: boolean
}

/** The record of a plan that was made to its end; undefined for any other run. */
export const recordOf = ({ isAnalysis, state, content }: StoredRun): PlanRecord | undefined =>
  isAnalysis && state === 'SUCCESS' ? (content.plan as unknown as PlanRecord | undefined) : undefined

/** Whether a plan may still be carried out, so that its rows are kept. */
export function isValidPlan(run: StoredRun, now = Date.now()): boolean {
  const record = run.persists ? recordOf(run) : undefined
  return record !== undefined && !isExpired(record, now)
}

export function planState({ record, isOpen, changed, requiresApproval }: PlanFacts, now = Date.now()): PlanState {
  const isBegun = record.executions.length > 0
  if (isBegun && !isOpen) return 'EXECUTED'
  if (isExpired(record, now)) return 'EXPIRED'
  if (changed.length > 0) return 'CHANGED'
  if (isBegun) return 'PARTLY'
  if (record.approval) return 'APPROVED'
  // A plan without work needs no approval.
  return requiresApproval && isOpen ? 'WAITING' : 'OPEN'
}

/** @throws conflict when the plan can no longer be approved or carried out */
export function checkCurrent(
  mapping: string,
  { record, changed }: Pick<PlanFacts, 'record' | 'changed'>,
  now = Date.now(),
): void {
  if (isExpired(record, now))
    throw conflict(`The plan expired at ${record.validUntil} (planValidFor of ${mapping}): make another plan`)
  if (changed.length > 0) throw conflict(changedText(changed))
}

/** @throws conflict when the plan has to be approved first */
export function checkApproved(id: string, { name, requireApproval }: Mapping, approval: unknown): void {
  if (requireApproval && !approval)
    throw conflict(
      `The mapping ${name} has requireApproval: approve the plan first (recon approve ${id}, or recon/${id}?_action=approve)`,
    )
}

/** @throws conflict when this caller must not approve the plan */
export function checkApprover({ name, approverMustDiffer }: Mapping, { author }: PlanRecord, caller: Caller): void {
  if (!approverMustDiffer) return
  if (caller.account === null)
    throw conflict(`The mapping ${name} has approverMustDiffer: approve over REST with a login of your own`)
  if (isSame(author, caller))
    throw conflict(`The mapping ${name} has approverMustDiffer: ${caller.name} has made the plan and cannot approve it`)
}

/** One account can have several login names. */
const isSame = (one: Caller, other: Caller): boolean =>
  isDeepStrictEqual(one.account, other.account) || one.name.toLowerCase() === other.name.toLowerCase()

const isExpired = ({ validUntil }: PlanRecord, now: number): boolean =>
  validUntil !== null && Date.parse(validUntil) <= now

/** `The mapping m and the script x.js have changed …`. */
function changedText(parts: readonly string[]): string {
  const named = parts.map((part) => `the ${part}`)
  const list = [named.slice(0, -1).join(', '), named.at(-1)].filter((text) => text !== '').join(' and ')
  const verb = parts.length > 1 ? 'have' : 'has'
  return `${list.charAt(0).toUpperCase()}${list.slice(1)} ${verb} changed since the plan was made: make another plan`
}

/** Whether carrying rows of this kind out changes anything. */
export const isWorth = ({ action, waiting, deferred, writing }: RowCount): boolean =>
  deferred > 0 || (waiting > 0 && (writing > 0 || (isAction(action) && ACTION_RULES[action].writes)))
