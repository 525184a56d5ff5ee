import type { JsonObject, Logger } from '../../contract.ts'
import { conflict, toResourceException } from '../../crest/errors.ts'
import type { RunStore, StoredRun } from '../../repo/runs/run-store.ts'
import { settleRows } from '../apply/settling.ts'
import { type RunContext, STAGES, stateOf } from '../context/run-context.ts'
import type { RunOptions } from '../context/run-options.ts'
import { unsettledOf } from '../context/unsettled.ts'
import { HOOK_NAMES, type Mapping } from '../mapping/mapping.ts'
import { type RunTotals, Statistics } from '../statistics.ts'

/** What is stored of a run so that it can go on after its process has ended. */
export interface ResumeState {
  readonly options: RunOptions
  /** Its rows are those of an approved plan. */
  readonly isApproved: boolean
  readonly target: string
  /** Whose links it has, as `linksOf` says. */
  readonly links: string
  /** Its scripts that may write. */
  readonly hooks: readonly string[]
  /** What it found; absent until its plan is complete and may be carried out. */
  readonly totals?: RunTotals
}

export const resumeState = (options: RunOptions, mapping: Mapping, isApproved: boolean): JsonObject =>
  ({
    ...{ options, isApproved, target: mapping.target, links: linksOf(mapping) },
    hooks: [
      ...HOOK_NAMES.filter((name) => mapping[name] !== undefined && options.undo === undefined),
      ...(mapping.policies.some(({ postAction }) => postAction) ? ['postAction'] : []),
    ],
  }) as unknown as JsonObject

/** Identifies the links of a mapping, and how ids are compared in them. */
export const linksOf = (mapping: Mapping): string => {
  const { name, links, source, sourceIdsCaseSensitive, targetIdsCaseSensitive, enableLinking } = mapping
  return JSON.stringify([links ?? name, source, sourceIdsCaseSensitive, targetIdsCaseSensitive, enableLinking])
}

/** @throws conflict when the run cannot go on */
export function resumable(run: StoredRun): ResumeState {
  if (run.content.resumable === true && run.resume) return run.resume as unknown as ResumeState
  if (run.unreadable !== undefined) throw conflict(`Reconciliation ${run.id} ${run.unreadable}`)
  throw conflict(`Reconciliation ${run.id} cannot be resumed: its state is ${run.state}, and it was not interrupted`)
}

const NO_TOTALS: RunTotals = { sources: null, targets: null, links: null }

const totalsOf = ({ resume }: StoredRun): RunTotals => (resume as unknown as ResumeState | null)?.totals ?? NO_TOTALS

/** When a run was started, in milliseconds since 1970: a crash may have come before that was stored. */
export function beginOf({ content }: StoredRun): number {
  const begin = Date.parse(String(content.started))
  return Number.isNaN(begin) ? Date.now() : begin
}

/** Stores that the process of a run ended, with counts of what it has done. Without rows of its plan, nothing is left of it. */
export async function markInterrupted(runs: RunStore, run: StoredRun): Promise<void> {
  const stage = 'INTERRUPTED'
  const started = beginOf(run)
  const times = { started: new Date(started).toISOString(), ended: new Date().toISOString() }
  const end = { state: stateOf(stage), stage, stageDescription: STAGES[stage], resumable: await hasWork(runs, run) }
  const content = { mapping: run.mapping, ...run.content, ...(await counted(runs, run)), ...end, ...times }
  await runs.update(run.number, end.state, { ...content, duration: Date.now() - started })
}

/** Marks the runs that were active when their process ended. @returns them */
export async function* endInterrupted(runs: RunStore, log: Logger): AsyncGenerator<StoredRun, void> {
  for (const run of await runs.all()) {
    // What resuming one needs that cannot be decrypted would be lost with a new key.
    if (run.state !== 'ACTIVE' || run.unreadable !== undefined) continue
    try {
      await markInterrupted(runs, run)
    } catch (error) {
      // Without a key nothing can be stored: the gateway starts, and says so.
      log.error({ err: error, reconId: run.id }, `the end of the reconciliation of ${run.mapping} was not kept`)
    }
    await runs.clear(run.number)
    yield run
  }
}

async function hasWork(runs: RunStore, { resume, number }: StoredRun): Promise<boolean> {
  const { isApproved } = (resume ?? {}) as Partial<ResumeState>
  return resume !== null && (!isApproved || (await runs.rows(number).tally()).length > 0)
}

/** Gives an interrupted run up: it cannot be resumed any more. */
export async function giveUp(runs: RunStore, { number, content }: StoredRun): Promise<void> {
  const stage = 'COMPLETED_CANCELED'
  const { resumable: _, ...rest } = content
  await runs.update(number, stateOf(stage), { ...rest, state: stateOf(stage), stage, stageDescription: STAGES[stage] })
}

/** The counts of a run by its rows. */
async function counted(runs: RunStore, run: StoredRun): Promise<JsonObject> {
  const statistics = await restoredInto(new Statistics(), runs, run)
  const { progress, situationSummary, statusSummary } = statistics
  return { progress, situationSummary, statusSummary }
}

/** Adds the rows of an interrupted run to the counts. */
export async function restoredInto(statistics: Statistics, runs: RunStore, run: StoredRun): Promise<Statistics> {
  statistics.restore(await runs.rows(run.number).tally(), totalsOf(run), run.isAnalysis)
  return statistics
}

/**
 * Settles the creations that earlier runs of the mapping have left, before this one looks at the target: their objects
 * would have no link otherwise.
 */
export async function settleEarlierRuns(context: RunContext): Promise<void> {
  const { rows, mapping, clientIds, parts } = context
  const { runs } = parts
  await checkSharedLinks(context)
  await clientIds.load(runs, mapping.name, mapping.target)
  const left = await rows.unsettledCreations(mapping.name)
  for (const run of left.length > 0 ? await runs.all() : []) {
    if (run.mapping !== mapping.name || run.number === parts.number) continue
    const own = runs.rows(run.number)
    if (run.resume?.target !== mapping.target || (await own.unsettled(0, 1)).length === 0) continue
    await settleRows(context, own)
    await runs.update(run.number, run.state, { ...run.content, ...(await counted(runs, run)) })
  }
  context.unsettled = await unsettledOf(context)
}

/**
 * An object that an interrupted run has created has no link yet: to a mapping in the other direction it would be a new
 * source.
 * @throws conflict that names the mapping
 */
async function checkSharedLinks({ rows, mapping, parts }: RunContext): Promise<void> {
  const typeOf = ({ links, name }: Mapping): string => links ?? name
  const others = parts.mappings.filter((one) => one.name !== mapping.name && typeOf(one) === typeOf(mapping))
  for (const { name } of others) {
    const left = (await rows.unsettledCreations(name)).filter(
      ({ status }) => status === 'INTENDED' || status === 'FAILURE',
    )
    if (left.length === 0 || (await runsOf(parts.runs, name)).some(({ state }) => state === 'ACTIVE')) continue
    throw conflict(
      `${mapping.name} shares its links with ${name}, of which an interrupted run may have created objects that are ` +
        `not linked yet: resume that run, or reconcile ${name} first`,
    )
  }
}

const runsOf = async (runs: RunStore, name: string) => (await runs.all()).filter(({ mapping }) => mapping === name)

interface Resumes {
  list(): Promise<readonly JsonObject[]>
  resume(id: string): Promise<unknown>
}

/** Resumes a run; what prevents that is logged. */
export async function resumeOrLog(
  service: Pick<Resumes, 'resume'>,
  { id, mapping }: Pick<StoredRun, 'id' | 'mapping'>,
  log: Logger,
): Promise<void> {
  await service.resume(id).catch((error: unknown) => {
    const { message } = toResourceException(error)
    log.error({ err: error, reconId: id }, `the run ${id} of ${mapping} was not resumed: ${message}`)
  })
}

/** Resumes the last run of each mapping if it was interrupted; what prevents that is logged. */
export async function resumeInterrupted(service: Resumes, log: Logger): Promise<void> {
  const last = new Map((await service.list()).map((run) => [run.mapping, run] as const))
  for (const { _id, mapping, resumable } of last.values()) {
    if (resumable === true) await resumeOrLog(service, { id: String(_id), mapping: String(mapping) }, log)
  }
}
