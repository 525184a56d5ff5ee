import type { JsonObject } from '../../contract.ts'
import type { PairLink } from '../../repo/link-store.ts'
import type { SeenObject } from '../../repo/run-snapshot.ts'
import { idOf } from '../read/object-set.ts'
import type { Lookup } from './correlation.ts'
import type { FollowedLink } from './link-space.ts'
import { type Candidates, seenAt, TargetCorrelation, type TargetsParts } from './target-correlation.ts'

/** Targets that are not there yet: a run will create them. */
export const PLANNED_KEY = '\u0001'

export const isPlannedKey = (key: string): boolean => key.startsWith(PLANNED_KEY)

/** The targets of a run: out of its snapshot where that has them, else from the target itself. */
export class Targets {
  readonly #parts: TargetsParts
  readonly #correlation: TargetCorrelation

  constructor(parts: TargetsParts) {
    this.#parts = parts
    this.#correlation = new TargetCorrelation(parts)
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

  /** For each lookup the keys of the targets that it leads to. */
  correlate(lookups: readonly Lookup[]): Promise<Candidates[]> {
    return this.#correlation.correlate(lookups)
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

  #seen(object: JsonObject): SeenObject {
    return seenAt(this.#parts.links, object)
  }
}
