import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { conflict, notFound } from '../../crest/errors.ts'
import type { RowPart, RunStore, StoredRun } from '../../repo/runs/run-store.ts'
import type { Caller, Execution, ExecutionBasis, PlanDigest, PlanRecord, Tally } from '../context/plan-record.ts'
import type { Overrides, RunOptions } from '../context/run-options.ts'
import type { ConfiguredMapping, MappingRegistry } from '../mapping/registry.ts'
import { changedParts, type DigestSources, planDigest } from '../plan/digest.ts'
import { checkApproved, checkApprover, checkCurrent, isWorth, planState, recordOf } from './approval.ts'
import type { ApprovedOptions } from './run.ts'

export interface PlansOptions {
  readonly runs: RunStore
  readonly mappings: MappingRegistry
  /** Absent: a host without scripts and instances. */
  readonly digests?: DigestSources | undefined
}

type NewExecution = Omit<Execution, 'count' | 'tally'>

type Started = Pick<PlanRecord, 'digest' | 'overrides'>

const NO_PLAN = 'Only a successful analysis with persistAssociations, or a run with deferred rows, can be carried out'

/** The plans of the runs: who made, approved and carried them out, and whether they are still current. */
export class Plans {
  readonly #parts: PlansOptions
  /** Changes of records, one after the other. */
  readonly #changes = new SerialQueue()

  constructor(parts: PlansOptions) {
    this.#parts = parts
  }

  /** The record of a plan that is made now. @param digest see `digest` */
  begin({ mapping }: ConfiguredMapping, digest: PlanDigest, overrides: Overrides, author: Caller): PlanRecord {
    const { planValidFor } = mapping
    const validUntil = Number.isFinite(planValidFor) ? new Date(Date.now() + planValidFor).toISOString() : null
    return { digest, author, validUntil, overrides, approval: null, executions: [] }
  }

  /** Of what a run with these settings would be made with now. */
  digest(configured: ConfiguredMapping, overrides: Overrides): Promise<PlanDigest> {
    const { mappings, digests } = this.#parts
    const { links } = configured.mapping
    const owner = links ? mappings.find(links)?.mapping : undefined
    return planDigest({ ...configured, owner, overrides }, digests)
  }

  /** What has changed since a run was started: names as in `PlanDigest`. */
  async changedSince(configured: ConfiguredMapping, { digest, overrides }: Started): Promise<string[]> {
    return changedParts(digest, await this.digest(configured, overrides))
  }

  /** As `recon/plan/ID` shows it. */
  async shown(run: StoredRun): Promise<JsonObject> {
    const counts = await this.#parts.runs.rows(run.number).countByKind()
    const record = recordOf(run)
    const configured = this.#parts.mappings.find(run.mapping)
    const requiresApproval = configured?.mapping.requireApproval ?? false
    const isEmptied = !run.persists && record?.executions.length === 0
    const facts = record && {
      record,
      requiresApproval,
      isOpen: counts.some(isWorth),
      changed: configured ? await this.changedSince(configured, record) : [`mapping ${run.mapping}`],
    }
    return {
      mapping: run.mapping,
      state: facts && !isEmptied ? planState(facts) : null,
      madeBy: run.content.startedBy ?? null,
      madeAt: run.content.started ?? null,
      validUntil: record?.validUntil ?? null,
      digest: record?.digest.value ?? null,
      requiresApproval,
      approval: record?.approval ? { ...record.approval } : null,
      executions: (record?.executions ?? []).map(({ tally: _, only, ...rest }) => ({
        ...rest,
        only: only ? [...only] : null,
      })),
      counts: counts.map((count) => ({ ...count })),
    }
  }

  /** @throws conflict when the plan cannot be approved, or not by this caller */
  approve(id: string, caller: Caller): Promise<void> {
    return this.#change(id, async (run, record) => {
      const configured = await this.#parts.mappings.usable(run.mapping)
      if (!run.persists) throw conflict(record.executions.length > 0 ? EXECUTED : NO_PLAN)
      checkCurrent(run.mapping, { record, changed: await this.changedSince(configured, record) })
      checkApprover(configured.mapping, record, caller)
      if (record.executions.length > 0 && !(await this.#isOpen(run))) throw conflict(EXECUTED)
      return { ...record, approval: record.approval ?? { by: caller.name, at: new Date().toISOString() } }
    })
  }

  /**
   * The record of a plan that is to be carried out.
   * @returns undefined for a run with deferred rows
   * @throws conflict when it cannot be carried out
   */
  async executable(run: StoredRun, configured: ConfiguredMapping): Promise<PlanRecord | undefined> {
    const deferred = Number((run.content.statusSummary as JsonObject | undefined)?.DEFERRED ?? 0)
    if (!run.isAnalysis && run.state !== 'ACTIVE' && deferred > 0) {
      checkApproved(run.id, configured.mapping, run.content.approval)
      return undefined
    }
    const record = recordOf(run)
    if (run.isAnalysis && record && !run.persists && record.executions.length > 0) throw conflict(EXECUTED)
    if (run.unreadable !== undefined || !run.isAnalysis || run.state !== 'SUCCESS' || !run.persists) throw noPlan(run)
    if (!record) throw conflict('The plan was made by an earlier version of this gateway: make another plan')
    checkCurrent(run.mapping, { record, changed: await this.changedSince(configured, record) })
    checkApproved(run.id, configured.mapping, record.approval)
    return record
  }

  /**
   * Notes that the plan, or a part of it, is carried out, and moves its rows, in one step.
   * @param to the number of the run that carries it out
   */
  executing(id: string, begun: NewExecution, to: number, part: RowPart | undefined): Promise<void> {
    const execution: Execution = { ...begun, count: 0, tally: { deletes: 0, cleared: {} } }
    return this.#change(
      id,
      async (_run, record) => ({ ...record, executions: [...record.executions, execution] }),
      async ({ number }, content) => void (await this.#parts.runs.moveRows(number, to, part, content)),
    )
  }

  /** Keeps the record of the plan that a run carries out. @param number of the run */
  follow(run: string, number: number, { executes, acceptedBy }: RunOptions): ApprovedOptions {
    if (executes === undefined) return {}
    return {
      onCounted: (tally) => this.#counted(executes, run, number, tally),
      // Rows that somebody has accepted for this run alone must not be taken for accepted later.
      onStopped: acceptedBy === undefined ? () => this.#returned(executes, run, number) : undefined,
    }
  }

  async #counted(id: string, run: string, number: number, tally: Tally): Promise<void> {
    const counts = await this.#parts.runs.rows(number).countByKind()
    const count = counts.reduce((sum, { waiting }) => sum + waiting, 0)
    await this.#change(id, async (_run, record) => ({
      ...record,
      executions: record.executions.map((one) => (one.run === run ? { ...one, count, tally } : one)),
    }))
  }

  /** Gives the plan back the rows of a run that wrote nothing. */
  #returned(id: string, run: string, from: number): Promise<void> {
    return this.#change(
      id,
      async (_run, record) => ({ ...record, executions: record.executions.filter((one) => one.run !== run) }),
      ({ number }, content) => this.#parts.runs.returnRows(from, number, content),
    )
  }

  async #isOpen({ number }: StoredRun): Promise<boolean> {
    return (await this.#parts.runs.rows(number).countByKind()).some(isWorth)
  }

  #change(
    id: string,
    change: (run: StoredRun, record: PlanRecord) => Promise<PlanRecord>,
    store: (run: StoredRun, content: JsonObject) => Promise<void> = ({ number, state }, content) =>
      this.#parts.runs.update(number, state, content),
  ): Promise<void> {
    return this.#changes.add(async () => {
      const { runs } = this.#parts
      const run = await runs.find(id)
      if (!run) throw notFound(`Reconciliation ${id} not found`)
      const record = recordOf(run)
      if (!record) throw noPlan(run)
      const plan = (await change(run, record)) as unknown as JsonObject
      await store(run, { ...run.content, plan })
    })
  }
}

const noPlan = ({ id, unreadable }: StoredRun) =>
  conflict(unreadable === undefined ? NO_PLAN : `Reconciliation ${id} ${unreadable}`)

const EXECUTED = 'The plan was carried out already: make another plan'

/** The content of a run as it is shown: without the record of its plan, and waiting only until that is approved. */
export function shownContent(isAnalysis: boolean, stored: JsonObject): JsonObject {
  const { plan, waitsForApproval, clientIds, keepsBefore: _keeps, isReduced: _reduced, ...content } = stored
  const approval = isObject(plan) ? plan.approval : null
  return {
    ...content,
    ...(clientIds === 'refused' && { clientIds }),
    ...(waitsForApproval === true && approval === null && { waitsForApproval }),
    ...kindOf(isAnalysis, content),
  }
}

/** IDM does not have this member: runs that may write do not have it, either, unless they undo another one. */
function kindOf(isAnalysis: boolean, { verification, undoes }: JsonObject): { kind?: string } {
  if (undoes !== undefined) return { kind: isAnalysis ? 'undo plan' : 'undo' }
  return isAnalysis ? { kind: verification === undefined ? 'plan' : 'verify' } : {}
}

/** What the limits of a part of a plan are judged by. */
export function basisOf({ content }: StoredRun, { executions }: PlanRecord): ExecutionBasis {
  const cleared: Record<string, number> = {}
  for (const { tally } of executions)
    for (const [field, count] of Object.entries(tally.cleared)) cleared[field] = (cleared[field] ?? 0) + count
  const deletes = executions.reduce((sum, { tally }) => sum + tally.deletes, 0)
  return { deletes, cleared, sources: totalOf(content, 'source'), targets: totalOf(content, 'target') }
}

/** `progress.SIDE.existing.total` of a run; undefined where it was not counted. */
function totalOf({ progress }: JsonObject, side: 'source' | 'target'): number | undefined {
  const { existing } = isObject(progress) && isObject(progress[side]) ? progress[side] : {}
  const total = isObject(existing) ? Number(existing.total) : Number.NaN
  return Number.isNaN(total) ? undefined : total
}
