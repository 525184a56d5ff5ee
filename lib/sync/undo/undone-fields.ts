import type { Json, JsonObject } from '../../contract.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import type { FieldChange } from '../../repo/runs/run-row.ts'
import { isEmpty, isSame } from '../evaluate/difference.ts'
import { type Edge, edgesOf, isConditional } from '../relationships/edges.ts'
import { bare, isSealed } from './restorable.ts'

/** What becomes of the fields that a row wrote. */
export interface UndoneFields {
  /** Fields that hold what it wrote, with what they get back. */
  readonly restored: readonly FieldChange[]
  /** Fields that hold something else by now. */
  readonly changedSince: readonly string[]
  /** Fields that the target does not show, or whose earlier values are only known to it. */
  readonly lost: readonly string[]
}

type Undone = FieldChange | 'back' | 'changed' | 'lost'

/**
 * Compares the fields that a row wrote with a target. A field that holds what it held before needs nothing.
 * @param shown what the target showed in its answer, where that is something else than was sent
 */
export function undoneFields(
  changes: readonly FieldChange[],
  target: JsonObject,
  shown: Readonly<Record<string, Json>>,
): UndoneFields {
  const undone = changes.map((change) => [change.field, undo(change, target, shown)] as const)
  const fieldsOf = (what: Undone) => undone.flatMap(([field, one]) => (one === what ? [field] : []))
  return {
    restored: undone.flatMap(([, one]) => (typeof one === 'string' ? [] : [one])),
    changedSince: fieldsOf('changed'),
    lost: fieldsOf('lost'),
  }
}

function undo(change: FieldChange, target: JsonObject, shown: Readonly<Record<string, Json>>): Undone {
  const { field, from, to, edges, unseen } = change
  const now = getAt(target, parsePointer(field))
  if (edges && (Array.isArray(from) || Array.isArray(to))) return undoList(change, now)
  if (edges) return undoReference(change, now)
  const wrote = shown[field] === undefined ? to : shown[field]
  const value = now ?? null
  if (unseen || (isEmpty(wrote) && !isEmpty(to))) return 'lost'
  if (isSame(value, from)) return 'back'
  if (!isSame(value, wrote)) return 'changed'
  return isSealed(from) ? 'lost' : { field, from: value, to: isEmpty(from) ? null : bare(from) }
}

const NO_NOTES = { missing: [], missingCount: 0, openCount: 0 }

/** A relationship with one far object. */
function undoReference({ field, from, to }: FieldChange, now: Json | undefined): Undone {
  const edges = edgesOf(now)
  if (!edges && now !== undefined) return 'lost'
  const [there, wrote, was] = [edges?.[0], edgesOf(to)?.[0], edgesOf(from)?.[0]]
  if (isSameEdge(there, was)) return 'back'
  if (!isSameEdge(there, wrote)) return 'changed'
  return { field, from: now ?? null, to: was ? bare(from) : null, edges: { kept: 0, ...NO_NOTES } }
}

/** The edges that came go, as far as they are as they were written; those that went come back. */
function undoList({ field, from, to }: FieldChange, now: Json | undefined): Undone {
  const present = edgesOf(now)
  if (!present) return now === undefined && isEmpty(to) ? undoList({ field, from, to }, []) : 'lost'
  const [came, went] = [edgesOf(to ?? []) ?? [], edgesOf(from ?? []) ?? []]
  const gone = came.flatMap((edge) => present.find((one) => isSameEdge(one, edge)) ?? [])
  const isOther = came.some(
    (edge) => !present.some((one) => isSameEdge(one, edge)) && present.some((one) => isSameEnd(one, edge)),
  )
  const stays = present.filter((edge) => !gone.includes(edge))
  const back = went.filter((edge) => !isConditional(edge) && !stays.some((one) => isSameEnd(one, edge)))
  const isBack = (edge: Edge) => went.some((one) => isSameEdge(one, edge))
  const removed = gone.filter((edge) => !isBack(edge)).map(({ shown }) => shown)
  const added = back.filter((edge) => !gone.some((one) => isSameEdge(one, edge))).map(({ shown }) => bare(shown))
  if (removed.length === 0 && added.length === 0) return isOther ? 'changed' : 'back'
  const listed = (list: Json[]): Json => (list.length > 0 ? list : null)
  return { field, from: listed(removed), to: listed(added), edges: { kept: stays.length, ...NO_NOTES } }
}

const isSameEnd = (one: Edge | undefined, other: Edge | undefined): boolean =>
  one?.collection === other?.collection && one?.id === other?.id

/** The same far object, with the properties that the other edge names. */
const isSameEdge = (one: Edge | undefined, other: Edge | undefined): boolean =>
  isSameEnd(one, other) &&
  Object.entries(other?.properties ?? {}).every(
    ([name, value]) => IDENTITY.has(name) || isSame(one?.properties[name] ?? null, value ?? null),
  )

const IDENTITY: ReadonlySet<string> = new Set(['_id', '_rev'])
