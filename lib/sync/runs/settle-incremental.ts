import { isObject } from '../../core/json.ts'
import type { Settlement } from '../../repo/incremental/incremental-store.ts'
import type { RowStatus } from '../../repo/runs/run-row.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import type { IncrementalOptions } from '../context/incremental-notes.ts'
import type { RunContext } from '../context/run-context.ts'
import type { RunOptions } from '../context/run-options.ts'
import { rowWindows } from '../row-windows.ts'
import { isWorth } from './approval.ts'
import type { ResumeState } from './resume.ts'

/** What a plan says about `incremental`, with the time at which its sources were read. */
export function incrementalOf({ resume, content }: StoredRun): IncrementalOptions | undefined {
  const { incremental } = (resume as unknown as ResumeState | null)?.options ?? {}
  const { readAt } = isObject(content.incremental) ? content.incremental : {}
  if (!incremental) return undefined
  // Where it is not known, the run that carries the plan out must not take its own.
  return typeof readAt === 'string' ? { ...incremental, readAt } : { ...incremental, scope: null }
}

/** The same of a run that goes on after an interruption: its sources are not read again. */
export function incrementalNow({ incremental: notes }: RunContext): Pick<RunOptions, 'incremental'> {
  if (!notes) return {}
  const { options, readAt } = notes
  return { incremental: readAt === undefined ? { ...options, scope: null } : { ...options, readAt } }
}

/** Max sources that wait for the next incremental run. */
export const MAX_RETRIES = 10_000

const WINDOW = 500

const FAILED: readonly RowStatus[] = ['FAILURE', 'SKIPPED', 'UNKNOWN', 'INTENDED']

/**
 * Notes for the next incremental run when this one has ended well: when its sources were read, and which of them failed.
 * A plan notes nothing, unless it was to be carried out and nothing of it needs approval.
 */
export async function settleIncremental(context: RunContext): Promise<void> {
  const { incremental: notes, parts, rows, isAnalysis } = context
  const { waits, executes } = parts.options
  if (!notes || notes.options.scope === null || (isAnalysis && !waits)) return
  if (executes !== undefined) return settleExecution(context, executes)
  if (isAnalysis && (await hasOpenRows(rows))) return store(context, { failed: [], done: notes.dropped })
  await advance(context, { failed: await failedSources(rows), done: 'rest' })
}

/** A plan may be carried out in parts: the last one advances to where its sources were read. */
async function settleExecution(context: RunContext, plan: string): Promise<void> {
  const { rows, parts } = context
  const { runs } = parts
  const failed = await failedSources(rows)
  const done = await doneSources(context, new Set(failed))
  const planned = await runs.find(plan)
  if (!planned || (await hasOpenRows(runs.rows(planned.number)))) return store(context, { failed, done })
  const all = [...new Set([...failed, ...(await failedSources(runs.rows(planned.number)))])]
  await advance(context, { failed: all, done })
}

/** Moves the watermark, unless that is later already. */
async function advance(context: RunContext, settlement: Omit<Settlement, 'watermark'>): Promise<void> {
  const { incremental: notes, parts, mapping } = context
  const scope = notes?.options.scope
  if (!notes || typeof scope !== 'string') return
  const time = notes.readAt
  if (time === undefined) {
    context.warn(
      `${mapping.source} does not say what time it is (no Date header): the next run that asks for what changed begins where this one did`,
    )
    return store(context, { failed: settlement.failed, done: [] })
  }
  const now = parts.options.executes === undefined ? undefined : await parts.incremental.watermark(mapping.name)
  const isLater = now?.scope === scope && now.time > time
  await store(context, { ...settlement, watermark: isLater ? now : { time, scope } })
}

async function store(context: RunContext, settlement: Settlement): Promise<void> {
  const { incremental: notes, parts, mapping } = context
  const waiting = await parts.incremental.settle(mapping.name, settlement, MAX_RETRIES)
  if (waiting === undefined)
    context.warn(
      `More than ${MAX_RETRIES} sources have failed, which is too many to try them one by one: the next run that asks for what changed begins where this one did`,
    )
  if (!notes || waiting === undefined) return
  notes.waiting = waiting
  notes.watermark = settlement.watermark?.time
}

const hasOpenRows = async (rows: RunRows): Promise<boolean> => (await rows.countByKind()).some(isWorth)

/** The ids of the sources that failed. */
async function failedSources(rows: RunRows): Promise<string[]> {
  const failed = new Set<string>()
  for (const status of FAILED)
    for await (const window of rowWindows((after) => rows.after(after, WINDOW, { status })))
      for (const { phase, sourceId } of window) if (phase === 'source' && sourceId !== null) failed.add(sourceId)
  return [...failed]
}

/** The ids among those that wait that this run has carried over. */
async function doneSources({ parts, mapping, rows }: RunContext, failed: ReadonlySet<string>): Promise<string[]> {
  const waiting = new Set<string>()
  for (const { sourceId } of await parts.incremental.retries(mapping.name, '', MAX_RETRIES)) waiting.add(sourceId)
  if (waiting.size === 0) return []
  const done = new Set<string>()
  for await (const window of rowWindows((after) => rows.after(after, WINDOW)))
    for (const { phase, sourceId, status } of window)
      if (phase === 'source' && sourceId !== null && status === 'SUCCESS' && waiting.has(sourceId)) done.add(sourceId)
  return [...done].filter((id) => !failed.has(id))
}
