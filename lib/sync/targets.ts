import type { JsonObject } from '../contract.ts'
import { ResourceException, toResourceException } from '../crest/errors.ts'
import { matches } from '../crest/evaluate.ts'
import type { QueryFilter } from '../crest/query-filter.ts'
import type { RunSnapshot, SeenObject } from '../repo/run-snapshot.ts'
import type { Lookup } from './correlation.ts'
import type { FollowedLink, LinkSpace, PairLink } from './link-space.ts'
import { idOf, type ObjectSet } from './object-set.ts'
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

/** `_id`, `_rev` and content as one object. */
export const objectOf = ({ object }: SeenObject): JsonObject => object

/** The targets of a run: out of its snapshot where that has them, else from the target itself. */
export class Targets {
  readonly #parts: TargetsParts

  constructor(parts: TargetsParts) {
    this.#parts = parts
  }

  get isComplete(): boolean {
    return this.#parts.isComplete
  }

  /**
   * The whole objects with these keys. Those that the scan did not see are asked for: it can miss what came or moved
   * while it went on. What is not in the answer is not there.
   */
  async find(keys: readonly string[]): Promise<Map<string, SeenObject>> {
    const { snapshot } = this.#parts
    const wanted = [...new Set(keys)]
    const found = (await snapshot?.byKeys(wanted)) ?? new Map<string, SeenObject>()
    const missing = wanted.filter((key) => !found.has(key))
    const partial = wanted.flatMap((key) => {
      const object = found.get(key)
      return object && !object.isFull ? idOf(object.object) : []
    })
    if (missing.length + partial.length === 0) return found
    const fetched = await this.fetch([...missing, ...partial])
    for (const key of wanted) {
      const object = fetched.get(key)
      const place = found.get(key)?.place
      if (object) found.set(key, place === undefined ? object : { ...object, place })
      else if (found.get(key)?.isFull === false) found.delete(key)
    }
    return found
  }

  /** The links of sources, each with the whole object at its other end; undefined = that is not there. */
  async follow(sourceKeys: readonly string[]): Promise<FollowedLink[]> {
    const { snapshot, links } = this.#parts
    if (!snapshot) return this.#find(await links.bySources(sourceKeys))
    const followed = await links.follow(sourceKeys, snapshot)
    const open = followed.filter(({ seen }) => !seen?.isFull)
    if (open.length === 0) return followed
    const found = await this.find(open.map(({ link }) => link.targetKey))
    return followed.map((one) => (one.seen?.isFull ? one : { link: one.link, seen: found.get(one.link.targetKey) }))
  }

  async #find(links: readonly PairLink[]): Promise<FollowedLink[]> {
    const found = await this.find(links.map(({ targetKey }) => targetKey))
    return links.map((link) => ({ link, seen: found.get(link.targetKey) }))
  }

  /** Rows of the plan are about these: the target phase leaves them alone. */
  async touch(touched: readonly { readonly key: string; readonly seen: SeenObject | undefined }[]): Promise<void> {
    const { snapshot } = this.#parts
    const places = touched.flatMap(({ seen }) => seen?.place ?? [])
    snapshot?.touch(places)
    if (places.length < touched.length)
      await snapshot?.touchKeys(touched.flatMap(({ key, seen }) => (seen?.place === undefined ? [key] : [])))
  }

  /** The same from the target itself, as it is now. */
  async fetch(ids: readonly string[]): Promise<Map<string, SeenObject>> {
    const { set, links } = this.#parts
    const objects = await set.byIds(ids, 'targetObjectQuery')
    return new Map([...objects.values()].map((object) => [links.targetKey(idOf(object)), this.#seen(object)] as const))
  }

  async read(id: string): Promise<SeenObject | null> {
    const object = await this.#parts.set.read(id, 'targetObjectQuery')
    return object && this.#seen(object)
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

  /** Has the targets that this run will create found like those that are there. */
  async plan(objects: readonly { readonly key: string; readonly content: JsonObject }[]): Promise<void> {
    await this.#parts.snapshot?.add(
      objects.map(({ key, content }) => ({
        key,
        isFull: true,
        isPlanned: true,
        object: content,
      })),
    )
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
        if (filter && object && !keys.includes(key) && matches(filter, objectOf(object))) keys.push(key)
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
    await this.#parts.snapshot?.add(objects.map((object) => this.#seen(object)))
  }

  #seen(object: JsonObject): SeenObject {
    return { key: this.#parts.links.targetKey(idOf(object)), isFull: true, isPlanned: false, object }
  }
}
