import type { JsonObject } from '../contract.ts'
import { type ObjectSet, revisionOf } from './object-set.ts'
import type { OpenRow } from './performer.ts'
import { workIn } from './plan-row.ts'

/** The keys of the rows whose source is not what it was when the plan was made. */
export async function changedSources(sources: ObjectSet, rows: readonly OpenRow[]): Promise<Set<number>> {
  const open = rows.flatMap(({ key, sourceId, work }) => {
    const source = work ? workIn(work).source : null
    return source && sourceId !== null ? [{ key, sourceId, source }] : []
  })
  const now = await sources.byIds([...new Set(open.map(({ sourceId }) => sourceId))], 'sourceObjectQuery')
  const changed = open.filter(({ sourceId, source }) => isChanged(source, now.get(sourceId)))
  return new Set(changed.map(({ key }) => key))
}

function isChanged(before: JsonObject, now: JsonObject | undefined): boolean {
  if (!now) return true
  const revision = revisionOf(before)
  return revision === null ? JSON.stringify(now) !== JSON.stringify(before) : revisionOf(now) !== revision
}
