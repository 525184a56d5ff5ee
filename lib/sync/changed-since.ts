import type { JsonObject } from '../contract.ts'
import type { PairLink } from '../repo/link-store.ts'
import type { Row } from '../repo/run-rows.ts'
import { differences } from './difference.ts'
import type { LinkSpace } from './link-space.ts'
import { type ObjectSet, revisionOf } from './object-set.ts'

export interface ChangedSinceParts {
  readonly sources: ObjectSet
  readonly targets: ObjectSet
  readonly links: LinkSpace
}

/** Rows of a plan whose source, target or link is not what it was when the plan was made: why, by the key of the row. */
export async function changedSince(parts: ChangedSinceParts, rows: readonly Row[]): Promise<Map<number, string>> {
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

async function changedObjects(set: ObjectSet, rows: readonly Row[], side: 'source' | 'target'): Promise<number[]> {
  const open = rows.flatMap((row) => {
    const { key, [side]: object } = row
    const id = side === 'source' ? row.sourceId : row.targetId
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

async function changedLinks(links: LinkSpace, rows: readonly Row[]): Promise<number[]> {
  const named = rows.filter(({ sourceId }) => sourceId !== null)
  const others = rows.filter(({ sourceId, targetId }) => sourceId === null && targetId !== null)
  const sourceKey = ({ sourceId }: Row): string => links.sourceKey(sourceId ?? '')
  const targetKey = ({ targetId }: Row): string => links.targetKey(targetId ?? '')
  const now = new Map<Row, string | undefined>()
  const bySource = await links.bySources([...new Set(named.map(sourceKey))])
  const ofSource = (row: Row) => idOfLink(bySource, row, (link) => link.sourceKey === sourceKey(row))
  for (const row of named) now.set(row, ofSource(row))
  const byTarget = await links.byTargets([...new Set(others.map(targetKey))])
  const ofTarget = (row: Row) => idOfLink(byTarget, row, (link) => link.targetKey === targetKey(row))
  for (const row of others) now.set(row, ofTarget(row))
  return rows.filter((row) => now.has(row) && now.get(row) !== row.link?.id).map(({ key }) => key)
}

const idOfLink = (
  links: readonly PairLink[],
  { qualifier }: Row,
  fits: (link: PairLink) => boolean,
): string | undefined => links.find((link) => link.qualifier === qualifier && fits(link))?.id
