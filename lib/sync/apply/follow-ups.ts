import type { Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { hasEffect } from '../evaluate/difference.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { rowWindows } from '../row-windows.ts'

const WINDOW = 500

/**
 * Adds rows for relationships to objects that had no counterpart when their rows were evaluated and that the run has linked
 * since: the manager of a user who came before. Call it when all other rows are committed.
 * @param isResumed whether the run may have linked objects before it was interrupted
 * @returns whether there are such rows
 */
export async function addFollowUps(context: RunContext, isResumed: boolean): Promise<boolean> {
  const { rows, relationships, statistics, sources } = context
  if (!relationships.isOwn || (statistics.linked === 0 && !isResumed)) return false
  const evaluator = new SourceEvaluator(context.evaluationParts(context.liveTargets(), true, false))
  let isAny = false
  for await (const window of rowWindows((after) => rows.after(after, WINDOW, { status: 'SUCCESS' }))) {
    context.checkCanceled()
    const open = new Set(window.filter(isOpen).map(placeOf))
    if (open.size === 0) continue
    const ids = new Set(window.filter(isOpen).flatMap(({ sourceId }) => sourceId ?? []))
    const found = await sources.byIds([...ids], 'sourceObjectQuery')
    const evaluated = await evaluator.evaluate([...found.values()])
    const added = evaluated.filter((row) => open.has(placeOf(row))).flatMap(followUp)
    isAny ||= added.length > 0
    await rows.add(added, false)
  }
  return isAny
}

const isOpen = ({ phase, changes }: Row): boolean =>
  phase === 'source' && (changes ?? []).some(({ edges }) => edges && edges.openCount > 0)

const placeOf = ({ sourceId, qualifier }: Row): string => `${qualifier}\u0000${sourceId}`

/** The row with the edges that come; nothing else is done about its object again. */
function followUp(row: Row): Row[] {
  if (row.action !== 'UPDATE' || row.status !== null || row.link === null) return []
  const changes = (row.changes ?? []).flatMap((change) => {
    if (!change.edges) return []
    const own = Array.isArray(change.to) ? { ...change, from: null } : change
    return hasEffect(own) && own.to !== null ? [own] : []
  })
  return changes.length > 0 ? [{ ...row, changes, reason: FOLLOWS }] : []
}

const FOLLOWS = 'its relationships lead to objects that this run has linked'
