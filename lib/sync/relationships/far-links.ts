import type { LinkStore, PairLink } from '../../repo/links/link-store.ts'
import { LinkSpace } from '../evaluate/link-space.ts'
import { farEnds } from '../mapping/far-ends.ts'
import type { Mapping, RelationshipProperty } from '../mapping/mapping.ts'
import type { Edge } from './edges.ts'

interface Side {
  readonly sourceCollection: string
  readonly targetCollection: string
  /** The keys of both ends in the links, and the links by them, seen from the source of our mapping. */
  sourceKey(id: string): string
  targetKey(id: string): string
  bySources(keys: readonly string[]): Promise<PairLink[]>
  byTargets(keys: readonly string[]): Promise<PairLink[]>
  /** Whether the links are those of our mapping itself: a run of it adds to them. */
  readonly isOwn: boolean
}

/** An object at the far end of an edge of the target. */
export interface FarObject {
  /** The same for each way to write the id. */
  readonly key: string
  readonly collection: string
  readonly id: string
}

/** The links by which the far ends of one relationship are translated. */
export class FarLinks {
  readonly #sides: readonly Side[]

  constructor(mapping: Mapping, property: RelationshipProperty, mappings: readonly Mapping[], links: LinkStore) {
    const find = (name: string) => mappings.find((one) => one.name === name)
    const own = mapping.links ?? mapping.name
    this.#sides = farEnds(mapping, property.relationship, find).ends.map(
      ({ mapping: far, isReverse, sourceCollection, targetCollection }): Side => {
        const space = new LinkSpace(far, mappings, links)
        const isOwn = (far.links ?? far.name) === own
        const common = { sourceCollection, targetCollection, isOwn }
        if (!isReverse)
          return {
            ...common,
            sourceKey: (id) => space.sourceKey(id),
            targetKey: (id) => space.targetKey(id),
            bySources: (keys) => space.bySources(keys),
            byTargets: (keys) => space.byTargets(keys),
          }
        return {
          ...common,
          sourceKey: (id) => space.targetKey(id),
          targetKey: (id) => space.sourceKey(id),
          bySources: async (keys) => (await space.byTargets(keys)).map(swapped),
          byTargets: async (keys) => (await space.bySources(keys)).map(swapped),
        }
      },
    )
  }

  get hasOwn(): boolean {
    return this.#sides.some(({ isOwn }) => isOwn)
  }

  /** Whether this mapping itself may give the far object of an edge of the source a counterpart. */
  isOwn({ collection }: Edge): boolean {
    return this.#sides.some((side) => side.isOwn && side.sourceCollection === collection)
  }

  /** The key of the far object of an edge of the target. */
  keyOf({ collection, id }: Edge): string {
    const side = this.#sides.find(({ targetCollection }) => targetCollection === collection)
    return keyOf(collection, side ? side.targetKey(id) : id)
  }

  /** Finds the counterparts of the far objects of edges of the source, with one question per collection. */
  async counterparts(edges: readonly Edge[]): Promise<(edge: Edge, qualifier: string) => FarObject | undefined> {
    const found = new Map<string, PairLink[]>()
    for (const side of this.#sides) {
      const keys = edges
        .filter(({ collection }) => collection === side.sourceCollection)
        .map(({ id }) => side.sourceKey(id))
      if (keys.length === 0) continue
      for (const link of await side.bySources([...new Set(keys)])) {
        const place = keyOf(side.sourceCollection, link.sourceKey)
        found.set(place, [...(found.get(place) ?? []), link])
      }
    }
    return ({ collection, id }, qualifier) => {
      const side = this.#sides.find(({ sourceCollection }) => sourceCollection === collection)
      const link = side && chosen(found.get(keyOf(collection, side.sourceKey(id))) ?? [], qualifier)
      if (!side || !link) return undefined
      const { targetCollection } = side
      return { key: keyOf(targetCollection, link.targetKey), collection: targetCollection, id: link.targetKey }
    }
  }

  /** The keys of those far objects of edges of the target that have a counterpart. */
  async linked(edges: readonly Edge[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    for (const side of this.#sides) {
      const keys = edges
        .filter(({ collection }) => collection === side.targetCollection)
        .map(({ id }) => side.targetKey(id))
      if (keys.length === 0) continue
      for (const { targetKey } of await side.byTargets([...new Set(keys)]))
        found.add(keyOf(side.targetCollection, targetKey))
    }
    return found
  }
}

/** The link of the same kind as that of the near objects, or the usual one, or the only one. */
function chosen(links: readonly PairLink[], qualifier: string): PairLink | undefined {
  const own = [qualifier, 'default'].map((name) => links.find((link) => link.qualifier === name))
  return own.find((link) => link !== undefined) ?? (links.length === 1 ? links[0] : undefined)
}

const swapped = ({ sourceKey, targetKey, ...link }: PairLink): PairLink => ({
  ...link,
  sourceKey: targetKey,
  targetKey: sourceKey,
})

const keyOf = (collection: string, key: string): string => `${collection}\u0000${key}`
