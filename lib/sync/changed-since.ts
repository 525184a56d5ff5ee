import type { JsonObject } from '../contract.ts'
import { differences } from './difference.ts'
import type { LinkSpace, PairLink } from './link-space.ts'
import { type ObjectSet, revisionOf } from './object-set.ts'
import type { OpenRow } from './performer.ts'
import { workIn } from './plan-row.ts'

export interface ChangedSinceParts {
  readonly sources: ObjectSet
  readonly targets: ObjectSet
  readonly links: LinkSpace
}

/** Rows of a plan whose source, target or link is not what it was when the plan was made: why, by the key of the row. */
export async function changedSince(parts: ChangedSinceParts, rows: readonly OpenRow[]): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  const note = (what: string, keys: readonly number[]): void => {
    for (const key of keys) if (!found.has(key)) found.set(key, sentence(what))
  }
  note('source', await changedObjects(parts.sources, rows, 'source'))
  note('link', await changedLinks(parts.links, rows))
  note('target', await changedObjects(parts.targets, rows, 'target'))
  return found
}

const sentence = (what: string): string => `The ${what} has changed since the plan was made: nothing was done`

/**
 * The same for the target of one row, at the last moment: a write cannot be made to depend on a revision that the target
 * does not have. undefined = it has one, or is what it was.
 */
export async function changedMeanwhile(targets: ObjectSet, { work, targetId }: OpenRow): Promise<string | undefined> {
  const target = work ? workIn(work).target : null
  if (!target || targetId === null || revisionOf(target) !== null) return undefined
  return isChanged(target, await targets.read(targetId, 'targetObjectQuery')) ? sentence('target') : undefined
}

async function changedObjects(set: ObjectSet, rows: readonly OpenRow[], side: 'source' | 'target'): Promise<number[]> {
  const open = rows.flatMap(({ key, sourceId, targetId, work }) => {
    const object = work ? workIn(work)[side] : null
    const id = side === 'source' ? sourceId : targetId
    return object && id !== null ? [{ key, id, object }] : []
  })
  const now = await set.byIds([...new Set(open.map(({ id }) => id))], `${side}ObjectQuery`)
  return open.filter(({ id, object }) => isChanged(object, now.get(id))).map(({ key }) => key)
}

/** Whether `now` is another than what was compared: by its revision, or where it has none by its content. */
function isChanged(before: JsonObject, now: JsonObject | null | undefined): boolean {
  if (!now) return true
  const revision = revisionOf(before)
  return revision === null ? differences(before, now).length > 0 : revisionOf(now) !== revision
}

async function changedLinks(links: LinkSpace, rows: readonly OpenRow[]): Promise<number[]> {
  const named = rows.filter(({ sourceId }) => sourceId !== null)
  const others = rows.filter(({ sourceId, targetId }) => sourceId === null && targetId !== null)
  const sourceKey = ({ sourceId }: OpenRow): string => links.sourceKey(sourceId ?? '')
  const targetKey = ({ targetId }: OpenRow): string => links.targetKey(targetId ?? '')
  const now = new Map<OpenRow, string | undefined>()
  const bySource = await links.bySources([...new Set(named.map(sourceKey))])
  const ofSource = (row: OpenRow) => idOfLink(bySource, row, (link) => link.sourceKey === sourceKey(row))
  for (const row of named) now.set(row, ofSource(row))
  const byTarget = await links.byTargets([...new Set(others.map(targetKey))])
  const ofTarget = (row: OpenRow) => idOfLink(byTarget, row, (link) => link.targetKey === targetKey(row))
  for (const row of others) now.set(row, ofTarget(row))
  const before = ({ work }: OpenRow): string | undefined => (work ? workIn(work).link?.id : undefined)
  return rows.filter((row) => row.work !== null && now.has(row) && now.get(row) !== before(row)).map(({ key }) => key)
}

const idOfLink = (
  links: readonly PairLink[],
  { qualifier }: OpenRow,
  fits: (link: PairLink) => boolean,
): string | undefined => links.find((link) => link.qualifier === qualifier && fits(link))?.id
