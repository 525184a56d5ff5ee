import type { JsonObject } from '../../contract.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import { matches } from '../../crest/filter/evaluate.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import type { RunSnapshot, SeenObject } from '../../repo/run-snapshot.ts'
import { idOf, type ObjectSet } from '../read/object-set.ts'
import type { SelectedFields } from '../read/selected-fields.ts'
import type { Lookup } from './correlation.ts'
import type { LinkSpace } from './link-space.ts'
import { wantedFields, wantedValues } from './wanted-values.ts'

/** The keys of targets that correlate with a source, or why they could not be found. */
export type Candidates = readonly string[] | ResourceException

export interface TargetsParts {
  readonly set: ObjectSet
  readonly links: LinkSpace
  /** What the run saw; undefined = every question goes to the target itself. */
  readonly snapshot: RunSnapshot | undefined
  /** The snapshot holds every target there is, whole: it can answer in place of the remote. */
  readonly isComplete: boolean
  /** The fields that a query names limit what its answers can be judged by. */
  readonly isProjected: boolean
}

/** Every question goes to the target itself, as it is now. */
export const liveTargets = (fields: SelectedFields, set: ObjectSet, links: LinkSpace): TargetsParts => ({
  set,
  links,
  snapshot: undefined,
  isComplete: false,
  isProjected: !fields.isWhole,
})

/** A whole object as it is at the target. */
export const seenAt = (links: LinkSpace, object: JsonObject): SeenObject => ({
  key: links.targetKey(idOf(object)),
  isFull: true,
  isPlanned: false,
  object,
})

/** Finds the targets that sources without a link belong to. */
export class TargetCorrelation {
  readonly #parts: TargetsParts

  constructor(parts: TargetsParts) {
    this.#parts = parts
  }

  /** For each lookup the keys of the targets that it leads to. */
  async correlate(lookups: readonly Lookup[]): Promise<Candidates[]> {
    const found: Candidates[] = lookups.map((lookup) => (lookup.kind === 'failed' ? lookup.failure : []))
    const open: { place: number; filter: QueryFilter }[] = []
    for (const [place, lookup] of lookups.entries()) {
      if (lookup.kind === 'filter') open.push({ place, filter: lookup.filter })
      if (lookup.kind === 'ids') found[place] = lookup.ids.map((id) => this.#parts.links.targetKey(id))
      if (lookup.kind === 'query') found[place] = await this.#query(lookup.params)
    }
    const indexed = open.filter(({ filter }) => this.#parts.isComplete && wantedValues(filter) !== undefined)
    for (const [place, keys] of await this.#fromSnapshot(indexed)) found[place] = keys
    const others = open.filter((entry) => !indexed.includes(entry))
    for (const [place, keys] of await this.#fromTarget(others)) found[place] = keys
    return found
  }

  async #fromSnapshot(entries: readonly { place: number; filter: QueryFilter }[]): Promise<Map<number, string[]>> {
    const { snapshot } = this.#parts
    const answers = new Map<number, string[]>()
    if (entries.length === 0 || !snapshot) return answers
    await snapshot.index(entries.flatMap(({ filter }) => wantedFields(filter)))
    const wanted = entries.flatMap(({ filter }, entry) =>
      (wantedValues(filter) ?? []).map((value) => ({ entry, value })),
    )
    const lists = await snapshot.keysByValues(wanted.map(({ value }) => value))
    const objects = await snapshot.byKeys([...new Set(lists.flat())])
    for (const { place } of entries) answers.set(place, [])
    for (const [index, { entry }] of wanted.entries()) {
      const { place = 0, filter } = entries[entry] ?? {}
      const keys = answers.get(place) ?? []
      for (const key of lists[index] ?? []) {
        const object = objects.get(key)
        if (filter && object && !keys.includes(key) && matches(filter, object.object)) keys.push(key)
      }
    }
    return answers
  }

  /** Many filters in one query, sorted out here; one by one where the answers do not hold what they are sorted by. */
  async #fromTarget(entries: readonly { place: number; filter: QueryFilter }[]): Promise<Map<number, Candidates>> {
    const { set, links, isProjected } = this.#parts
    const answers = new Map<number, Candidates>()
    const asked = entries.filter(({ filter }) => !(filter.operator === 'literal' && !filter.value))
    if (isProjected) {
      for (const { place, filter } of asked) answers.set(place, await this.#ask([filter]))
      return answers
    }
    try {
      const objects = await set.byFilters(
        asked.map(({ filter }) => filter),
        'correlationQuery',
      )
      await this.#remember(objects)
      for (const { place, filter } of asked) {
        const own = objects.filter((object) => matches(filter, object))
        answers.set(
          place,
          own.map((object) => links.targetKey(idOf(object))),
        )
      }
    } catch (error) {
      // One filter that the target refuses shall not fail the others.
      if (!(error instanceof ResourceException && error.code === 400)) throw error
      for (const { place, filter } of asked) answers.set(place, await this.#ask([filter]))
    }
    return answers
  }

  async #ask(filters: readonly QueryFilter[]): Promise<Candidates> {
    try {
      const objects = await this.#parts.set.byFilters(filters, 'correlationQuery')
      return objects.map((object) => this.#parts.links.targetKey(idOf(object)))
    } catch (error) {
      return toResourceException(error)
    }
  }

  async #query(params: JsonObject): Promise<Candidates> {
    try {
      const objects = await this.#parts.set.all(params, 'correlationQuery')
      return [...new Set(objects.map((object) => this.#parts.links.targetKey(idOf(object))))]
    } catch (error) {
      return toResourceException(error)
    }
  }

  /** What a query has brought need not be read again. */
  async #remember(objects: readonly JsonObject[]): Promise<void> {
    await this.#parts.snapshot?.add(objects.map((object) => seenAt(this.#parts.links, object)))
  }
}
