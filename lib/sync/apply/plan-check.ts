import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../contract.ts'
import { parsePointer } from '../../crest/pointer.ts'
import type { FieldChange, Row } from '../../repo/runs/run-row.ts'
import { ACTION_RULES, isAction } from '../action.ts'
import { isSameWrites } from '../context/recorded-writes.ts'
import type { RunContext } from '../context/run-context.ts'
import { differences } from '../evaluate/difference.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { evaluateTargets } from '../evaluate/evaluate-targets.ts'
import { isPrefix } from '../evaluate/mapper.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { changedRelationships } from '../relationships/planned-edges.ts'
import { checkUndo } from '../undo/undo-plan.ts'

/** A row of a plan by the present state, or why it cannot be applied as planned. */
export type CheckedRow = { readonly row: Row; readonly why?: string | undefined }

/**
 * Evaluates rows of an approved plan again. A row is applied when its decision is the same: the fields that the mapping
 * reads and sets count, not the revisions. Call it before the first write, since what the plan itself creates may
 * correlate.
 */
export async function checkPlan(context: RunContext, rows: readonly Row[]): Promise<CheckedRow[]> {
  if (context.parts.options.undo) return checkUndo(context, rows)
  const targets = context.liveTargets()
  const parts = context.evaluationParts(targets, true, true)
  const open = rows.filter(isWorth)
  const [bySource, byTarget] = [open.filter(isOfSource), open.filter((row) => !isOfSource(row))]
  const sources = await context.sources.byIds(idsOf(bySource, 'sourceId'), 'sourceObjectQuery')
  const seen = await targets.fetch(idsOf(byTarget, 'targetId'))
  const fresh = [
    ...(await new SourceEvaluator(parts).evaluate([...sources.values()])),
    ...(await evaluateTargets(parts, [...seen.values()])),
  ]
  const byPlace = new Map(fresh.map((row) => [placeOf(row), row] as const))
  const isOpen = new Set(open)
  return rows.map((row) => (isOpen.has(row) ? checked(context, row, byPlace.get(placeOf(row))) : { row }))
}

/** Whether applying it would change anything. */
const isWorth = (row: Row): boolean => isLight(row) || changesAnything(row)

const changesAnything = ({ action, writes }: Row): boolean =>
  (isAction(action) && ACTION_RULES[action].writes) || (writes ?? []).length > 0

const isOfSource = ({ phase }: Row): boolean => phase === 'source'

const idsOf = (rows: readonly Row[], name: 'sourceId' | 'targetId'): string[] => [
  ...new Set(rows.flatMap((row) => row[name] ?? [])),
]

const placeOf = (row: Row): string =>
  [row.phase, row.qualifier, isOfSource(row) ? row.sourceId : row.targetId].join('\u0000')

function checked({ mapping, hooks, parts }: RunContext, row: Row, now: Row | undefined): CheckedRow {
  const why = now?.failure ? `Cannot determine what to do now: ${now.reason}` : changed(mapping, row, now)
  if (!now || why !== undefined) return { row, why: why ?? '' }
  // Not from an analysis: the writes of scripts have been executed by that run.
  if (row.writes === null) {
    // The hooks that change targets have been rehearsed, and run again when it is carried out.
    const mapped = hooks.makeTargets ? null : now.mapped
    return { row: { ...now, mapped, writes: null, key: row.key, status: null, intent: row.intent } }
  }
  const isApproximate = row.isApproximate || now.isApproximate
  if (isApproximate && parts.options.overrides.allowApproximate !== true) return { row, why: APPROXIMATE }
  const { changes, mapped, key, intent } = row
  return { row: { ...now, changes, mapped, key, intent, status: null } }
}

/** What has changed since the plan was made; undefined = nothing that matters. */
function changed(mapping: Mapping, row: Row, now: Row | undefined): string | undefined {
  const what = (name: string) => `The ${name} has changed since the plan was made: nothing was done`
  if (!now) return what(isOfSource(row) ? 'source' : 'target')
  if (isLight(row)) return changedDecision(mapping, row, now)
  if (now.link?.id !== row.link?.id) return what('link')
  if (row.action === 'CREATE' && row.link === null && now.situation !== row.situation) return APPEARED
  if (row.targetId !== now.targetId || (row.target === null) !== (now.target === null)) return what('target')
  if (row.situation !== now.situation || row.action !== now.action) return what('source')
  if (row.writes !== null && !isSameWrites(row.writes, now.writes ?? [])) return what('output of its scripts')
  if (row.changes !== null && now.changes !== null) {
    const relations = changedRelationships(row.changes, now.changes)
    if (relations !== undefined) return what(relations)
    const [before, after] = [row.changes, now.changes].map((changes) =>
      changes.filter(({ edges }) => !edges).map((one) => comparable(mapping, one)),
    )
    if (isDeepStrictEqual(before, after)) return undefined
    const [wanted, wantedNow] = [before, after].map((changes) => changes?.map(({ field, to }) => ({ field, to })))
    return what(isDeepStrictEqual(wanted, wantedNow) ? 'target' : 'source')
  }
  if (isOther(row.target, now.target)) return what('target')
  return row.action === 'UPDATE' && isOther(row.source, now.source) ? what('source') : undefined
}

/** Whether what carrying it out needs ended with the process that planned it. */
const isLight = ({ source, target, link }: Row): boolean => source === null && target === null && link === null

/** The same for a row of an interrupted run, of which the decision is kept. */
function changedDecision(mapping: Mapping, row: Row, now: Row): string | undefined {
  const isSameTarget = row.action === 'CREATE' || row.targetId === now.targetId
  if (row.situation !== now.situation || row.action !== now.action || !isSameTarget) return DECIDED
  if (row.changes === null || now.changes === null) return undefined
  // A creation is stored with what is noted about its relationships only.
  const isNoted = row.action === 'CREATE' && row.changes.every(({ edges }) => edges)
  if (isNoted) return undefined
  if (changedRelationships(row.changes, now.changes, true) !== undefined) return DECIDED
  const [before, after] = [row.changes, now.changes].map((changes) =>
    changes
      .filter(({ edges }) => !edges)
      .map((change) => {
        const { field, to } = comparable(mapping, change)
        return { field, to }
      }),
  )
  return after?.length === 0 || isDeepStrictEqual(before, after) ? undefined : DECIDED
}

const DECIDED = 'It has changed since the run was interrupted: nothing was done'

/** A hook may set a field without property to another value each time (a new password): that of the plan is used. */
function comparable({ properties }: Mapping, change: FieldChange): FieldChange {
  const field = parsePointer(change.field)
  const isOfProperty = properties.some(({ target }) => isPrefix(target, field) || isPrefix(field, target))
  return isOfProperty ? change : { ...change, to: null }
}

const isOther = (before: JsonObject | null, now: JsonObject | null): boolean =>
  differences(before ?? {}, now ?? {}).length > 0

const APPROXIMATE =
  'Its scripts were given answers that may differ when their writes are executed: it is applied with allowApproximate only'

const APPEARED = 'A target that correlates has appeared since the plan was made: nothing was done'
