import type { JsonObject } from '../../contract.ts'
import { withoutUndefined } from '../../core/json.ts'
import { conflict } from '../../crest/errors.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import type { IncrementalOptions } from '../context/incremental-notes.ts'
import type { Caller, PlanRecord } from '../context/plan-record.ts'
import { actionsOf, type Overrides, type Part, type RunOptions, type Undo } from '../context/run-options.ts'
import { basisOf } from './plans.ts'

/** How a plan is carried out. */
export interface ExecuteRequest {
  readonly overrides?: Overrides
  /** undefined = all of it. */
  readonly part?: Part | undefined
  /** Who accepts to carry out deferred rows while sources are not assessed. */
  readonly acceptedBy?: string | undefined
  readonly by?: Caller
}

export const INTERNAL: Caller = { name: 'internal', account: null }

/** Who sends a request; `unknown` in a host that does not say. */
export function callerOf({ security, agent, external }: RequestContext): Caller {
  if (!security) return { name: agent ?? (external ? 'unknown' : INTERNAL.name), account: null }
  const { component, id } = security.authorization
  return { name: security.authenticationId, account: `${component}/${id}` }
}

interface ExecutionSettings extends Required<Pick<RunOptions, 'overrides' | 'digest' | 'startedBy'>> {
  readonly undo: Undo | undefined
  readonly incremental: IncrementalOptions | undefined
  readonly acceptedBy: string | undefined
}

/** The options of the run that carries out a plan, or the deferred rows of a run without a record. */
export function executionOptions(
  planned: StoredRun,
  record: PlanRecord | undefined,
  { undo, acceptedBy, incremental, ...settings }: ExecutionSettings,
): RunOptions {
  const { unsupplied } = planned.content
  return {
    ...{ action: 'recon', ids: [], isAnalysis: false, persists: true, ...settings },
    unsupplied: Array.isArray(unsupplied) ? unsupplied.map(String) : [],
    ...(acceptedBy !== undefined && { acceptedBy }),
    ...(undo && { undo }),
    ...(record && incremental && { incremental }),
    ...(record && { executes: planned.id, basis: basisOf(planned, record) }),
    ...(record?.approval && { approval: record.approval }),
  }
}

/** @throws conflict when no row of the plan is in the part */
export async function checkPart(rows: RunRows, part: Part, takesDeferred: boolean): Promise<void> {
  const actions = new Set(actionsOf(part))
  const counts = (await rows.countByKind()).filter(({ action }) => actions.has(action))
  if (!counts.some(({ waiting, deferred }) => waiting > 0 || (takesDeferred && deferred > 0)))
    throw conflict(`Nothing is left to be carried out in the plan${part.only ? ` for ${part.only.join(', ')}` : ''}`)
}

/**
 * Whether deferred rows can be carried out: the sources that they wait for are assessed, or somebody accepts that they are not.
 * @throws conflict when they cannot, and there is nothing else to carry out
 */
export async function judgeDeferred(
  rows: RunRows,
  { mapping, content }: StoredRun,
  { isPlan, acceptedBy }: { readonly isPlan: boolean; readonly acceptedBy: string | undefined },
): Promise<boolean> {
  const deferred = Number((content.statusSummary as JsonObject | undefined)?.DEFERRED ?? 0)
  const open = deferred > 0 && acceptedBy === undefined ? await rows.unassessed(mapping) : []
  if (!isPlan && open.length > 0)
    throw conflict(`Sources are not assessed yet: ${open.map((one) => one ?? '(no _id)').join(', ')}`)
  return open.length === 0
}

/** The settings of a plan's run that select what is read. Limits are those of the execution. */
export function inherited({ overrides }: PlanRecord): Overrides {
  const { sourceQuery, targetQuery, sourceQueryFullEntry, targetQueryFullEntry, allowEmptySourceSet } = overrides
  return withoutUndefined({
    sourceQuery,
    targetQuery,
    sourceQueryFullEntry,
    targetQueryFullEntry,
    allowEmptySourceSet,
  })
}
