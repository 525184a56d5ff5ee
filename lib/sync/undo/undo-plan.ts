import { isDeepStrictEqual } from 'node:util'
import { internalError } from '../../crest/errors.ts'
import type { FieldChange, Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { UndoRows } from './undo-rows.ts'

const WINDOW = 500

/** Plans to undo a run: a row for each of its rows that is not as it was before, from the last to the first. */
export async function planUndo(context: RunContext): Promise<void> {
  const { rows, statistics, parts } = context
  const undoRows = new UndoRows(context)
  const undone = parts.runs.rows(numberOf(context))
  context.enter('ACTIVE_RECONCILING_TARGET')
  Object.assign(statistics, { sources: 0, targets: 0 })
  const kept = { writes: 0, created: 0 }
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    context.checkCanceled()
    const done = await undone.written(before, WINDOW)
    const last = done.at(-1)
    if (!last) break
    before = last.key
    const found = await undoRows.of(done)
    const planned = done.flatMap(({ key }) => found.get(key) ?? [])
    statistics.targets = (statistics.targets ?? 0) + planned.length
    for (const row of planned) statistics.planned(row, true)
    for (const { after } of done) kept.writes += after?.writes ?? 0
    kept.created += planned.filter(({ action, status }) => action === 'DELETE' && status === 'SKIPPED').length
    await rows.add(planned, true)
    await context.persist()
  }
  warn(context, kept)
}

/** What an undo does not take back at all. */
function warn(
  { warn, parts }: RunContext,
  { writes, created }: { readonly writes: number; readonly created: number },
): void {
  const { deletesCreated, hooks } = parts.options.undo ?? { deletesCreated: false, hooks: [] }
  if (created > 0 && !deletesCreated) warn(`${created} objects that the run created stay: see deleteCreated`)
  if (writes > 0) warn(`${writes} writes that scripts of the run requested are not undone`)
  if (hooks.length > 0) warn(`What scripts of the run wrote is not undone: ${hooks.join(', ')}`)
}

/** Compares rows of a plan with the present state, as `checkPlan` does. */
export async function checkUndo(context: RunContext, rows: readonly Row[]): Promise<{ row: Row; why?: string }[]> {
  const keys = rows.flatMap(({ undo }) => (undo ? [undo.row] : []))
  const done = await context.parts.runs.rows(numberOf(context)).writtenByKeys(keys)
  const found = await new UndoRows(context).of(done)
  const known = new Set(done.map(({ key }) => key))
  return rows.map((row) => {
    const key = row.undo?.row ?? 0
    return known.has(key)
      ? checked(row, found.get(key))
      : { row, why: 'The entries of the run that is undone are gone' }
  })
}

function checked(row: Row, now: Row | undefined): { row: Row; why?: string } {
  const common = { key: row.key, intent: row.intent, status: null, failure: null }
  // An interrupted run may have done it.
  if (!now) return { row: { ...row, ...common, ...NOTHING, action: row.action === 'CREATE' ? 'IGNORE' : row.action } }
  if (now.status !== null) return { row, why: `It is not undone any more: ${now.reason}` }
  const left = (now.changes ?? []).map(wanted)
  const changed = (now.edgeCounts ?? []).flatMap(({ note, field }) => (note === 'changedSince' ? [field] : []))
  const moved = (row.changes ?? []).map(({ field }) => field).filter((field) => changed.includes(field))
  if (moved.length > 0) return { row, why: `Changed since the plan was made: ${moved.join(', ')}. Nothing was done` }
  if (row.action === 'UPDATE' && now.action !== 'UPDATE' && now.action !== 'CREATE' && now.action !== 'DELETE')
    return { row: { ...now, ...common, action: 'UPDATE', changes: [] } }
  const isSubset = left.every((one) => (row.changes ?? []).map(wanted).some((other) => isDeepStrictEqual(one, other)))
  const isSameLink = isDeepStrictEqual([now.link?.id, now.undo?.link], [row.link?.id, row.undo?.link])
  if (now.action !== row.action || !isSubset || !isSameLink)
    return { row, why: 'The target or its link has changed since the plan was made: nothing was done' }
  return { row: { ...now, ...common } }
}

const NOTHING = { changes: [], target: null, link: null } as const

const wanted = ({ field, to }: FieldChange) => ({ field, to })

function numberOf({ parts: { options } }: RunContext): number {
  if (options.undo) return options.undo.number
  throw internalError('The run undoes none')
}
