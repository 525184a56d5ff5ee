/** Changes of relationships as requests, and the part of them that an object still lacks. */
import type { Json, JsonObject } from '../../contract.ts'
import { getAt, type Pointer, parsePointer } from '../../crest/pointer.ts'
import type { FieldChange } from '../../repo/runs/run-row.ts'
import { isEmpty, isSame, patchOperations } from '../evaluate/difference.ts'
import { type Edge, edgeId, edgesOf } from './edges.ts'

/** Of a list of references, not of a single one. */
const isListChange = ({ from, to }: FieldChange): boolean => Array.isArray(from) || Array.isArray(to)

const listOf = (value: Json): Json[] => (Array.isArray(value) ? value : isEmpty(value) ? [] : [value])

const isSameEnd = (one: Edge | undefined, other: Edge | undefined): boolean =>
  one?.collection === other?.collection && one?.id === other?.id

const edge = (value: Json): Edge | undefined => edgesOf(value)?.[0]

/** Whether two values are the same edge: by its id where both show it, else by the far object. */
function isSameEdge(one: Json, other: Json): boolean {
  const [own, its] = [edgeId(one), edgeId(other)]
  return own !== undefined && its !== undefined ? own === its : isSameEnd(edge(one), edge(other))
}

/**
 * What of the changes is still to be done at the object as it is now.
 * @returns undefined when a field has another value than it was compared with, and than it is to have
 */
export function remaining(changes: readonly FieldChange[], now: JsonObject): FieldChange[] | undefined {
  const left: FieldChange[] = []
  for (const change of changes) {
    const shown = getAt(now, parsePointer(change.field))
    const own =
      change.edges && isListChange(change) ? remainingEdges(change, shown) : remainingValue(change, shown ?? null)
    if (own === 'changed') return undefined
    if (own !== 'done') left.push(own)
  }
  return left
}

type Remaining = FieldChange | 'done' | 'changed'

function remainingValue(change: FieldChange, now: Json): Remaining {
  const { from, to, edges } = change
  if (edges && isSameEnd(edge(now), edge(from))) return { ...change, from: now }
  if (edges && isSameEnd(edge(now), edge(to))) return 'done'
  if (!edges && isSame(now, from)) return change
  return !edges && isSame(now, to) ? 'done' : 'changed'
}

/** A list that is not shown has everything left. */
function remainingEdges(change: FieldChange, shown: Json | undefined): Remaining {
  if (shown === undefined || !edgesOf(shown)) return change
  const now = listOf(shown)
  const from = listOf(change.from).flatMap((gone) => now.find((one) => isSameEdge(one, gone)) ?? [])
  const others = now.filter((one) => !from.includes(one))
  const to = listOf(change.to).filter((wanted) => !others.some((one) => isSameEnd(edge(one), edge(wanted))))
  if (from.length === 0 && to.length === 0) return 'done'
  return { ...change, from: orNull(from), to: orNull(to) }
}

/** The changes with at most `limit` edges of lists, and those that are left for another request. Removals come first. */
export function splitEdges(
  changes: readonly FieldChange[],
  limit: number,
): { now: FieldChange[]; later: FieldChange[] } {
  const now: FieldChange[] = []
  const later: FieldChange[] = []
  let open = limit
  for (const change of changes) {
    if (!change.edges || !isListChange(change)) {
      now.push(change)
      continue
    }
    const [gone, come] = [listOf(change.from), listOf(change.to)]
    const places = [Math.min(gone.length, open), Math.min(come.length, Math.max(0, open - gone.length))] as const
    open -= places[0] + places[1]
    const part = (from: Json[], to: Json[]) =>
      from.length + to.length > 0 ? [{ ...change, from: orNull(from), to: orNull(to) }] : []
    now.push(...part(gone.slice(0, places[0]), come.slice(0, places[1])))
    later.push(...part(gone.slice(places[0]), come.slice(places[1])))
  }
  return { now, later }
}

const orNull = (list: Json[]): Json => (list.length > 0 ? list : null)

/** The changes as PATCH operations. Edges are removed before others are added: the same far object may be in both. */
export const edgeOperations = (changes: readonly FieldChange[]): Json[] => [
  ...patchOperations(changes.filter(({ edges }) => !edges)),
  ...changes
    .filter(({ edges }) => edges)
    .flatMap((change): Json[] => {
      const { field, from, to } = change
      if (!isListChange(change))
        return [isEmpty(to) ? { operation: 'remove', field } : { operation: 'replace', field, value: to }]
      return [
        ...listOf(from).map((value) => ({ operation: 'remove', field, value })),
        ...listOf(to).map((value) => ({ operation: 'add', field: `${field}/-`, value })),
      ]
    }),
]

/** The value of a relationship after a change, for a request that sends the whole object. */
export function edgesAfter({ from, to, ...change }: FieldChange, now: Json): Json {
  if (!isListChange({ from, to, ...change })) return to
  const [gone, come] = [listOf(from), listOf(to)]
  return [...listOf(now).filter((one) => !gone.some((other) => isSameEdge(one, other))), ...come]
}

/** The ids of edges that should have been removed and that the object still shows. */
export function lingering(changes: readonly FieldChange[], now: JsonObject): { field: Pointer; id: string }[] {
  return changes
    .filter((change) => change.edges && isListChange(change))
    .flatMap(({ field, from }) => {
      const pointer = parsePointer(field)
      const shown = new Set(listOf(getAt(now, pointer) ?? null).map(edgeId))
      const ids = listOf(from).flatMap((gone) => edgeId(gone) ?? [])
      return ids.filter((id) => shown.has(id)).map((id) => ({ field: pointer, id }))
    })
}

/** Whether the changes only add and remove edges of lists. */
export const hasOnlyListEdges = (changes: readonly FieldChange[]): boolean =>
  changes.every((change) => change.edges && isListChange(change))

/** Whether carrying the changes out removes edges of lists. */
export const removesEdges = (changes: readonly FieldChange[]): boolean =>
  changes.some((change) => change.edges && isListChange(change) && !isEmpty(change.from))
