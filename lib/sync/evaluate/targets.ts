import type { JsonObject } from '../../contract.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import { matches } from '../../crest/filter/evaluate.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import type { PairLink } from '../../repo/links/link-store.ts'
import type { RunSnapshot, SeenObject } from '../../repo/runs/run-snapshot.ts'
import { idOf, type ObjectSet } from '../read/object-set.ts'
import type { Lookup } from './correlation.ts'
import type { FollowedLink, LinkSpace } from './link-space.ts'
import { wantedFields, wantedValues } from './wanted-values.ts'

/** The keys of targets that correlate with a source, or why they could not be found. */
type Candidates = readonly string[] | ResourceException

export interface TargetsOptions {
  readonly set: ObjectSet
  readonly links: LinkSpace
  /** What the run has scanned; undefined = every question goes to the target itself. */
  readonly snapshot?: RunSnapshot
  /** The snapshot holds every target, with all fields: it can answer in place of the remote. */
  readonly isComplete?: boolean
}

/** A filter, and the index of the lookup that it belongs to. */
interface FilterLookup {
  readonly place: number
  readonly filter: QueryFilter
}

/** Prefix of the keys of targets that the run is going to create. */
export const PLANNED_KEY = '\u0001'

export const isPlannedKey = (key: string): boolean => key.startsWith(PLANNED_KEY)

/** A complete object as the target has it now. */
export const seenAt = (links: LinkSpace, object: JsonObject): SeenObject => ({
  key: links.targetKey(idOf(object)),
  isFull: true,
  isPlanned: false,
  object,
})

/** The targets of a run: read from its snapshot where that has them, else from the target itself. */
export class Targets {
  readonly #set: ObjectSet
  readonly #links: LinkSpace
  readonly #snapshot: RunSnapshot | undefined
  readonly isComplete: boolean

  constructor({ set, links, snapshot, isComplete = false }: TargetsOptions) {
    this.#set = set
    this.#links = links
    this.#snapshot = snapshot
    this.isComplete = isComplete
  }

  /**
   * The complete objects with these keys. Those that are not in the snapshot are read: a scan can miss objects that were
   * added or moved meanwhile. A key without an object in the answer has no target.
   */
  async find(keys: readonly string[]): Promise<Map<string, SeenObject>> {
    const wanted = [...new Set(keys)]
    const found = (await this.#snapshot?.byKeys(wanted)) ?? new Map<string, SeenObject>()
    const open = wanted.flatMap((key) => {
      const object = found.get(key)
      return object?.isFull ? [] : [object ? idOf(object.object) : key]
    })
    if (open.length === 0) return found
    const fetched = await this.fetch(open)
    for (const key of wanted) {
      const object = fetched.get(key)
      const place = found.get(key)?.place
      if (object) found.set(key, place === undefined ? object : { ...object, place })
      else if (found.get(key)?.isFull === false) found.delete(key)
    }
    return found
  }

  /** The links of sources, each with the complete object at its other end; undefined = it does not exist. */
  async follow(sourceKeys: readonly string[]): Promise<FollowedLink[]> {
    if (!this.#snapshot) return this.#found(await this.#links.bySources(sourceKeys))
    const followed = await this.#links.follow(sourceKeys, this.#snapshot)
    const open = followed.filter(({ seen }) => !seen?.isFull)
    if (open.length === 0) return followed
    const found = await this.find(open.map(({ link }) => link.targetKey))
    return followed.map((one) => (one.seen?.isFull ? one : { link: one.link, seen: found.get(one.link.targetKey) }))
  }

  async #found(links: readonly PairLink[]): Promise<FollowedLink[]> {
    const found = await this.find(links.map(({ targetKey }) => targetKey))
    return links.map((link) => ({ link, seen: found.get(link.targetKey) }))
  }

  /** Marks targets that rows of the plan are about: the target phase skips them. */
  async touch(touched: readonly { readonly key: string; readonly seen: SeenObject | undefined }[]): Promise<void> {
    await this.#snapshot?.touch(touched.map(({ key, seen }) => ({ key, place: seen?.place })))
  }

  /** Reads objects from the target itself. */
  async fetch(ids: readonly string[]): Promise<Map<string, SeenObject>> {
    const objects = await this.#set.byIds(ids, 'targetObjectQuery')
    return new Map([...objects.values()].map((object) => [this.#keyOf(object), seenAt(this.#links, object)] as const))
  }

  /** Adds the targets that this run is going to create, so that later sources find them. */
  async plan(objects: readonly { readonly key: string; readonly content: JsonObject }[]): Promise<void> {
    await this.#snapshot?.add(
      objects.map(({ key, content }) => ({ key, isFull: true, isPlanned: true, object: content })),
    )
  }

  /** For each lookup the keys of the targets that it finds. */
  async correlate(lookups: readonly Lookup[]): Promise<Candidates[]> {
    const found: Candidates[] = lookups.map((lookup) => (lookup.kind === 'failed' ? lookup.failure : []))
    const open: FilterLookup[] = []
    for (const [place, lookup] of lookups.entries()) {
      if (lookup.kind === 'filter') open.push({ place, filter: lookup.filter })
      if (lookup.kind === 'ids') found[place] = lookup.ids.map((id) => this.#links.targetKey(id))
      if (lookup.kind === 'query') found[place] = await this.#keysOf(this.#set.all(lookup.params, MEASURE))
    }
    const isIndexed = ({ filter }: FilterLookup) => this.isComplete && wantedValues(filter) !== undefined
    for (const [place, keys] of await this.#fromSnapshot(open.filter(isIndexed))) found[place] = keys
    const others = open.filter((entry) => !isIndexed(entry))
    for (const [place, keys] of await this.#fromTarget(others)) found[place] = keys
    return found
  }

  async #fromSnapshot(entries: readonly FilterLookup[]): Promise<Map<number, string[]>> {
    const snapshot = this.#snapshot
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

  /** Sends many filters in one query and assigns the answers here; one by one where the answers lack the fields for it. */
  async #fromTarget(entries: readonly FilterLookup[]): Promise<Map<number, Candidates>> {
    const asked = entries.filter(({ filter }) => !(filter.operator === 'literal' && !filter.value))
    if (this.#set.isProjected) return this.#oneByOne(asked)
    try {
      const objects = await this.#byFilters(asked.map(({ filter }) => filter))
      // They need not be read again.
      await this.#snapshot?.add(objects.map((object) => seenAt(this.#links, object)))
      return new Map(
        asked.map(({ place, filter }) => {
          const own = objects.filter((object) => matches(filter, object))
          return [place, own.map((object) => this.#keyOf(object))] as const
        }),
      )
    } catch (error) {
      // One filter that the target refuses must not fail the others.
      if (error instanceof ResourceException && error.code === 400) return this.#oneByOne(asked)
      throw error
    }
  }

  async #oneByOne(entries: readonly FilterLookup[]): Promise<Map<number, Candidates>> {
    const answers = new Map<number, Candidates>()
    for (const { place, filter } of entries) answers.set(place, await this.#keysOf(this.#byFilters([filter])))
    return answers
  }

  #byFilters(filters: readonly QueryFilter[]): Promise<JsonObject[]> {
    return this.#set.byFilters(filters, MEASURE)
  }

  async #keysOf(answer: Promise<JsonObject[]>): Promise<Candidates> {
    try {
      return [...new Set((await answer).map((object) => this.#keyOf(object)))]
    } catch (error) {
      return toResourceException(error)
    }
  }

  #keyOf(object: JsonObject): string {
    return this.#links.targetKey(idOf(object))
  }
}

const MEASURE = 'correlationQuery'
