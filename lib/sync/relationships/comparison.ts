import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import { type FieldChange, MAX_NAMED_ENDS } from '../../repo/runs/run-row.ts'
import { type Edge, hasSameProperties, isConditional, reference } from './edges.ts'
import type { FarObject } from './far-links.ts'

/** An edge of the source, and the counterpart of its far object. */
export interface TranslatedEdge {
  readonly edge: Edge
  readonly far: FarObject | undefined
  /** Whether the run itself may create the counterpart. */
  readonly isOwn: boolean
}

/** An edge of the target. */
export interface KeyedEdge {
  readonly edge: Edge
  readonly key: string
}

/** What becomes of the edges of one field of one object. */
export interface EdgeDifference {
  readonly removed: readonly Edge[]
  readonly added: readonly Json[]
  readonly kept: number
  /** References of the source to objects without counterpart, as many of them as a message names. */
  readonly missing: readonly string[]
  readonly missingCount: number
  /** Those of them that this run may give a counterpart. */
  readonly openCount: number
  /** Edges of the source that the far side makes itself. */
  readonly conditional: number
  /** Edges of the target whose far objects have no link. */
  readonly unlinked: number
}

/**
 * Compares the edges of a source with those of its target as sets. Both sides come in any order and in any number of
 * pages: only edges that the other side has not shown so far are held.
 */
export class EdgeComparison {
  readonly #names: readonly string[]
  readonly #wanted = new Map<string, TranslatedEdge & { readonly far: FarObject }>()
  readonly #present = new Map<string, Edge>()
  /** The keys of edges that both sides have. */
  readonly #matched = new Set<string>()
  /** Neither added nor removed: the far side decides on them. */
  readonly #conditional = new Set<string>()
  readonly #removed: Edge[] = []
  readonly #added: Json[] = []
  readonly #missing: string[] = []
  #missingCount = 0
  #openCount = 0
  #conditionalCount = 0
  #kept = 0
  #unlinked = 0

  /** @param names members of `_refProperties` that are compared as well */
  constructor(names: readonly string[]) {
    this.#names = names
  }

  source(edges: readonly TranslatedEdge[]): void {
    for (const { edge, far, isOwn } of edges) {
      if (isConditional(edge)) this.#conditionalCount += 1
      if (isConditional(edge) && far) this.#conditional.add(far.key)
      if (isConditional(edge)) continue
      if (far) this.#want({ edge, far, isOwn })
      else {
        this.#missingCount += 1
        if (isOwn) this.#openCount += 1
        if (this.#missing.length < MAX_NAMED_ENDS) this.#missing.push(childPath(edge.collection, edge.id))
      }
    }
  }

  target(edges: readonly KeyedEdge[]): void {
    for (const { edge, key } of edges) {
      if (isConditional(edge)) {
        this.#conditional.add(key)
        this.#kept += 1
        continue
      }
      const wanted = this.#wanted.get(key)
      if (!wanted) this.#present.set(key, edge)
      else this.#match(wanted, edge)
    }
  }

  /** The edges of the target that the source lacks so far: which of them are linked decides about their removal. */
  get unmatched(): Edge[] {
    return [...this.#present.values()]
  }

  /** Keeps edges whose far objects have no link. @param linked the keys of the other edges in `unmatched` */
  settle(linked: ReadonlySet<string>): void {
    for (const key of this.#present.keys()) {
      if (linked.has(key)) continue
      this.#present.delete(key)
      this.#unlinked += 1
      this.#kept += 1
    }
  }

  /** Call it when both sides are complete and `settle` was called. */
  get difference(): EdgeDifference {
    const wanted = [...this.#wanted.values()].filter(({ far }) => !this.#conditional.has(far.key))
    const present = [...this.#present].filter(([key]) => !this.#conditional.has(key)).map(([, edge]) => edge)
    return {
      removed: [...this.#removed, ...present],
      added: [...this.#added, ...wanted.map((one) => this.#reference(one))],
      kept: this.#kept + this.#present.size - present.length,
      missing: this.#missing,
      missingCount: this.#missingCount,
      openCount: this.#openCount,
      conditional: this.#conditionalCount,
      unlinked: this.#unlinked,
    }
  }

  #want(one: TranslatedEdge & { readonly far: FarObject }): void {
    const { key } = one.far
    if (this.#matched.has(key)) return
    const present = this.#present.get(key)
    if (!present) return void this.#wanted.set(key, one)
    this.#present.delete(key)
    this.#match(one, present)
  }

  #match(one: TranslatedEdge & { readonly far: FarObject }, present: Edge): void {
    this.#wanted.delete(one.far.key)
    this.#matched.add(one.far.key)
    if (hasSameProperties(one.edge, present, this.#names)) {
      this.#kept += 1
      return
    }
    this.#removed.push(present)
    this.#added.push(this.#reference(one))
  }

  #reference({ edge, far }: TranslatedEdge & { readonly far: FarObject }): Json {
    return reference(far.collection, far.id, edge, this.#names)
  }
}

/** The difference as a change of a list of references. */
export const listChange = (field: string, { removed, added, ...rest }: EdgeDifference): FieldChange => ({
  field,
  from: removed.length === 0 ? null : removed.map(({ shown }) => lasting(shown)),
  to: added.length === 0 ? null : [...added],
  edges: notesOf(rest),
})

/**
 * The difference as a change of a single reference. The target keeps its reference where the far object of the source has
 * no counterpart, or where the source has no reference and the far object of the target has no link.
 * @param current what the target shows
 */
export function singleChange(field: string, current: Json, { removed, added, ...rest }: EdgeDifference): FieldChange {
  const [to = null] = added
  const isLeft = to === null && (rest.missingCount > 0 || removed.length === 0)
  return { field, from: isLeft ? null : lasting(current), to, edges: notesOf(rest) }
}

/** Without the revision of the edge, which changes with other edges of the same object. */
function lasting(edge: Json): Json {
  if (!isObject(edge) || !isObject(edge._refProperties)) return edge
  const { _rev, ...properties }: JsonObject = edge._refProperties
  return { ...edge, _refProperties: properties }
}

const notesOf = ({ kept, missing, missingCount, openCount }: Omit<EdgeDifference, 'removed' | 'added'>) => ({
  kept,
  missing: [...missing],
  missingCount,
  openCount,
})
