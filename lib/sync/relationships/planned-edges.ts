import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { FieldChange } from '../../repo/runs/run-row.ts'
import { edgesOf } from './edges.ts'

/**
 * Which side has changed its relationships since a plan was made; undefined = none. Counterparts that have come into being
 * since are no change: what leads to them is done after the plan.
 * @param isResumed whether a part of the plan may be done already
 */
export function changedRelationships(
  planned: readonly FieldChange[],
  now: readonly FieldChange[],
  isResumed = false,
): 'source' | 'target' | undefined {
  const fields = new Set([...planned, ...now].flatMap(({ field, edges }) => (edges ? [field] : [])))
  for (const field of fields) {
    const [before, after] = [planned, now].map((changes) => changes.find((one) => one.edges && one.field === field))
    const [gone, goneNow] = [endsOf(before?.from), endsOf(after?.from)]
    const [come, comeNow] = [endsOf(before?.to), endsOf(after?.to)]
    if (!isResumed && !(isSubset(gone, goneNow) && isSubset(come, comeNow))) return 'target'
    const appeared = Math.max(0, (before?.edges?.missingCount ?? 0) - (after?.edges?.missingCount ?? 0))
    if (without(comeNow, come) > appeared) return 'source'
    // A single reference goes when the counterpart appears that takes its place.
    if (without(goneNow, gone) > appeared) return 'target'
  }
  return undefined
}

/** The far objects of edges with what goes along, without what identifies the edges themselves. */
function endsOf(value: Json | undefined): ReadonlySet<string> {
  const edges = edgesOf(value ?? null) ?? []
  return new Set(
    edges.map(({ collection, id, properties }) => {
      const { _id, _rev, ...own } = isObject(properties) ? properties : {}
      return JSON.stringify([collection, id, own])
    }),
  )
}

const isSubset = (part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean =>
  [...part].every((one) => whole.has(one))

/** How many of the first are not in the others. */
const without = (all: ReadonlySet<string>, others: ReadonlySet<string>): number =>
  [...all].filter((one) => !others.has(one)).length
