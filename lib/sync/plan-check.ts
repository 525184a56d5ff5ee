import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../contract.ts'
import type { FieldChange, Row } from '../repo/run-rows.ts'
import { ACTION_RULES, isAction } from './action.ts'
import { differences } from './difference.ts'
import { SourceEvaluator } from './evaluate-sources.ts'
import { evaluateTargets } from './evaluate-targets.ts'
import type { RunContext } from './run-context.ts'
import { liveTargets } from './target-correlation.ts'
import { Targets } from './targets.ts'

/** A row of a plan, by what there is now; or why it cannot be carried out as it was planned. */
export type CheckedRow = { readonly row: Row; readonly why?: string | undefined }

/**
 * Evaluates rows of an approved plan again, together. A row is carried out when its decision is the same: what counts are
 * the fields that the mapping reads and sets, not the revisions. Ask before the first write, since what the plan itself
 * creates may correlate too.
 */
export async function checkPlan(context: RunContext, rows: readonly Row[]): Promise<CheckedRow[]> {
  const targets = new Targets(liveTargets(context.targetFields, context.targets, context.links))
  const parts = { ...context.evaluationParts(targets, true), isAnalysis: true }
  const open = rows.filter(({ action }) => isAction(action) && ACTION_RULES[action].writes)
  const [bySource, byTarget] = [open.filter(isOfSource), open.filter((row) => !isOfSource(row))]
  const sources = await context.sources.byIds(idsOf(bySource, 'sourceId'), 'sourceObjectQuery')
  const seen = await targets.fetch(idsOf(byTarget, 'targetId'))
  const fresh = [
    ...(await new SourceEvaluator(parts).evaluate([...sources.values()])),
    ...(await evaluateTargets(parts, [...seen.values()])),
  ]
  const byPlace = new Map(fresh.map((row) => [placeOf(row), row] as const))
  return rows.map((row) => (open.includes(row) ? checked(row, byPlace.get(placeOf(row))) : { row }))
}

const isOfSource = ({ phase }: Row): boolean => phase === 'source'

const idsOf = (rows: readonly Row[], name: 'sourceId' | 'targetId'): string[] => [
  ...new Set(rows.flatMap((row) => row[name] ?? [])),
]

const placeOf = (row: Row): string =>
  [row.phase, row.qualifier, isOfSource(row) ? row.sourceId : row.targetId].join('\u0000')

function checked(row: Row, now: Row | undefined): CheckedRow {
  const why = now?.failure ? `Cannot determine what to do now: ${now.reason}` : changed(row, now)
  return now && why === undefined ? { row: { ...now, key: row.key, status: null } } : { row, why: why ?? '' }
}

/** What is another than when the plan was made; undefined = nothing that matters. */
function changed(row: Row, now: Row | undefined): string | undefined {
  const what = (name: string) => `The ${name} has changed since the plan was made: nothing was done`
  if (!now) return what(isOfSource(row) ? 'source' : 'target')
  if (now.link?.id !== row.link?.id) return what('link')
  if (row.action === 'CREATE' && row.link === null && now.situation !== row.situation) return APPEARED
  if (row.targetId !== now.targetId || (row.target === null) !== (now.target === null)) return what('target')
  if (row.situation !== now.situation || row.action !== now.action) return what('source')
  const isMapped = row.changes !== null && now.changes !== null
  if (isMapped && !isDeepStrictEqual(wantedOf(row.changes), wantedOf(now.changes))) return what('source')
  if (isMapped) return isDeepStrictEqual(row.changes, now.changes) ? undefined : what('target')
  if (isOther(row.target, now.target)) return what('target')
  return row.action === 'UPDATE' && isOther(row.source, now.source) ? what('source') : undefined
}

const wantedOf = (changes: readonly FieldChange[] | null) => changes?.map(({ field, to }) => ({ field, to }))

const isOther = (before: JsonObject | null, now: JsonObject | null): boolean =>
  differences(before ?? {}, now ?? {}).length > 0

const APPEARED = 'A target that correlates has appeared since the plan was made: nothing was done'
