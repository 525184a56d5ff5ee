import type { Json, JsonObject } from '../../contract.ts'
import { badGateway } from '../../crest/errors.ts'
import { matches } from '../../crest/filter/evaluate.ts'
import { printPointer } from '../../crest/pointer.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import type { LinkStore } from '../../repo/links/link-store.ts'
import type { EdgeCount, FieldChange, Row } from '../../repo/runs/run-row.ts'
import { hasEffect } from '../evaluate/difference.ts'
import { fail, type RelationshipReview } from '../evaluate/evaluation.ts'
import { isRelationship, type Mapping, type RelationshipProperty } from '../mapping/mapping.ts'
import { idOf, type ObjectSet } from '../read/object-set.ts'
import { EdgeComparison, type EdgeDifference, listChange, singleChange } from './comparison.ts'
import { type Edge, edgesOf } from './edges.ts'
import { FarLinks } from './far-links.ts'

export interface EdgeReviewOptions {
  readonly mapping: Mapping
  readonly mappings: readonly Mapping[]
  readonly links: LinkStore
  readonly sources: ObjectSet
  readonly targets: ObjectSet
}

interface Relation {
  readonly property: RelationshipProperty
  readonly source: string
  readonly target: string
  /** As changes name it. */
  readonly field: string
  readonly far: FarLinks
  /** Sides of which an object has shown the field: for others of it, absent means empty. */
  readonly shown: Set<Side>
}

type Side = 'source' | 'target'

/** Sides of which an object has shown a relationship, by field. */
export type ShownFields = readonly { readonly field: string; readonly sides: readonly Side[] }[]

/** One relation of one row. */
interface Task {
  readonly row: Row
  readonly relation: Relation
  readonly source: readonly Edge[]
  readonly target: readonly Edge[]
  readonly isList: boolean
}

/** Compares the relationships of rows, and adds what differs to their changes. */
export class EdgeReview implements RelationshipReview {
  readonly #relations: readonly Relation[]
  readonly #options: EdgeReviewOptions

  constructor(options: EdgeReviewOptions) {
    const { mapping, mappings, links } = options
    this.#options = options
    this.#relations = mapping.properties.filter(isRelationship).map((property) => ({
      property,
      source: property.source?.[0] ?? '',
      target: property.target[0] ?? '',
      field: printPointer(property.target),
      far: new FarLinks(mapping, property, mappings, links),
      shown: new Set(),
    }))
  }

  /** Whether objects of this mapping refer to each other, so that a run may create the counterparts that it lacks. */
  get isOwn(): boolean {
    return this.#relations.some(({ far }) => far.hasOwn)
  }

  /** What is known of fields that not all objects show, for another node. */
  get shown(): ShownFields {
    return this.#relations.map(({ field, shown }) => ({ field, sides: [...shown] }))
  }

  /** Takes over what another node has seen. */
  learn(fields: ShownFields): void {
    for (const { field, sides } of fields)
      for (const relation of this.#relations)
        if (relation.field === field) for (const side of sides) relation.shown.add(side)
  }

  async review(rows: readonly Row[], isAnalysis: boolean): Promise<void> {
    if (this.#relations.length === 0) return
    const open = rows.filter(({ action, target }) => action === 'CREATE' || (action === 'UPDATE' && target))
    for (const relation of this.#relations) {
      for (const [row, difference, isList] of await this.#differences(relation, open)) {
        const change = changeOf(relation, row, difference, isList)
        // Before the object is created, more counterparts may come into being.
        const own = row.action === 'CREATE' && !isAnalysis ? withoutEffect(change) : change
        if (hasEffect(own) || difference.openCount > 0) row.changes = [...(row.changes ?? []), own]
        this.#note(relation, row, difference)
      }
    }
  }

  async additions(row: Row): Promise<FieldChange[]> {
    const changes: FieldChange[] = []
    for (const relation of this.#relations)
      for (const [, difference, isList] of await this.#differences(relation, [row]))
        changes.push(changeOf(relation, row, difference, isList))
    return changes.filter(hasEffect)
  }

  async #differences(relation: Relation, rows: readonly Row[]): Promise<(readonly [Row, EdgeDifference, boolean])[]> {
    const chosen = rows.filter((row) => applies(relation, row))
    if (relation.property.relationship.paged) return this.#paged(relation, chosen)
    for (const { source, target } of chosen) {
      if (source && Object.hasOwn(source, relation.source)) relation.shown.add('source')
      if (target && Object.hasOwn(target, relation.target)) relation.shown.add('target')
    }
    const tasks = chosen.flatMap((row) => this.#task(relation, row) ?? [])
    const { far, property } = relation
    const counterpart = await far.counterparts(tasks.flatMap(({ source }) => source))
    const compared = tasks.map(({ row, source, target }) => {
      const comparison = new EdgeComparison(property.relationship.properties)
      comparison.source(source.map((edge) => ({ edge, far: counterpart(edge, row.qualifier), isOwn: far.isOwn(edge) })))
      comparison.target(target.map((edge) => ({ edge, key: far.keyOf(edge) })))
      return comparison
    })
    const linked = await far.linked(compared.flatMap(({ unmatched }) => unmatched))
    return compared.map((comparison, index) => {
      comparison.settle(linked)
      const { row, isList } = tasks[index] as Task
      return [row, comparison.difference, isList] as const
    })
  }

  /** undefined where one side does not show the field: nothing is known about its edges, then. */
  #task(relation: Relation, row: Row): Task | undefined {
    const own = row.action === 'CREATE' ? {} : (row.target ?? {})
    const [from, to] = [fieldOf(row.source ?? {}, relation, 'source'), fieldOf(own, relation, 'target')]
    const [source, target] = [edgesOf(from), row.action === 'CREATE' ? [] : edgesOf(to)]
    if (source && target) return { row, relation, source, target, isList: Array.isArray(from) || Array.isArray(to) }
    count(row, 'notShown', relation.field, 1)
    return undefined
  }

  /** Compares the pages of both sides as they come, object by object. */
  async #paged(relation: Relation, rows: readonly Row[]): Promise<(readonly [Row, EdgeDifference, boolean])[]> {
    const all: (readonly [Row, EdgeDifference, boolean])[] = []
    for (const row of rows)
      try {
        const difference = await this.#pagedDifference(relation, row)
        all.push([row, difference, true])
      } catch (error) {
        fail(row, error)
      }
    return all
  }

  async #pagedDifference(relation: Relation, row: Row): Promise<EdgeDifference> {
    const { sources, targets } = this.#options
    const { far, property } = relation
    const comparison = new EdgeComparison(property.relationship.properties)
    const ofSource = sources.edges(row.sourceId ?? '', relation.source)
    const ofTarget = row.action === 'UPDATE' && row.target ? targets.edges(idOf(row.target), relation.target) : NONE
    for (let isDone = false; !isDone; ) {
      const [from, to] = await Promise.all([ofSource.next(), ofTarget.next()])
      const edges = from.done ? [] : readable(from.value)
      const counterpart = await far.counterparts(edges)
      comparison.source(edges.map((edge) => ({ edge, far: counterpart(edge, row.qualifier), isOwn: far.isOwn(edge) })))
      const others = to.done ? [] : readable(to.value)
      comparison.target(others.map((edge) => ({ edge, key: far.keyOf(edge) })))
      isDone = from.done === true && to.done === true
    }
    comparison.settle(await far.linked(comparison.unmatched))
    return comparison.difference
  }

  #note({ field, target }: Relation, row: Row, difference: EdgeDifference): void {
    const { missing, missingCount, openCount, conditional, unlinked } = difference
    count(row, 'noCounterpart', field, missingCount - openCount)
    count(row, 'noCounterpartYet', field, openCount)
    count(row, 'conditional', field, conditional)
    count(row, 'leftAlone', field, unlinked)
    const what = openCount === missingCount ? 'no counterpart yet' : 'no counterpart'
    if (missingCount > 0) row.reason = `${row.reason}; ${target}: ${what}: ${namesOf(missing, missingCount)}`
  }
}

function count(row: Row, note: EdgeCount['note'], field: string, number: number): void {
  if (number > 0) row.edgeCounts = [...(row.edgeCounts ?? []), { note, field, count: number }]
}

const NONE: Pick<AsyncGenerator<JsonObject[], void>, 'next'> = { next: async () => ({ done: true, value: undefined }) }

/** The ids in references: `a, b and 3 more`. */
function namesOf(references: readonly string[], count: number): string {
  const ids = references.map((reference) => pathElements(reference).at(-1) ?? '')
  return count > ids.length ? `${ids.join(', ')} and ${count - ids.length} more` : ids.join(', ')
}

const readable = (page: readonly JsonObject[]): Edge[] => {
  const edges = edgesOf([...page])
  if (!edges) throw badGateway('A query for the edges of a relationship returned something else')
  return edges
}

/** Whether the condition of the property holds. */
function applies({ property: { condition } }: Relation, { source, target, qualifier }: Row): boolean {
  if (!condition || !('filter' in condition)) return true
  const object = target ?? {}
  return matches(condition.filter, {
    object: source ?? {},
    target: object,
    oldTarget: target,
    linkQualifier: qualifier,
  })
}

function fieldOf(object: JsonObject, { shown, source, target }: Relation, side: Side): Json | undefined {
  const name = side === 'source' ? source : target
  if (Object.hasOwn(object, name)) return object[name]
  return shown.has(side) ? null : undefined
}

const changeOf = (relation: Relation, { target }: Row, difference: EdgeDifference, isList: boolean): FieldChange =>
  isList
    ? listChange(relation.field, difference)
    : singleChange(relation.field, target?.[relation.target] ?? null, difference)

const withoutEffect = (change: FieldChange): FieldChange => ({ ...change, from: null, to: null })
