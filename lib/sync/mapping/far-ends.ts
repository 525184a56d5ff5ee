import type { Mapping } from './mapping.ts'
import type { Relationship } from './relationship-schema.ts'

/** The part of a mapping that is needed to resolve far ends. */
export type FarMapping = Pick<Mapping, 'name' | 'source' | 'target' | 'enableLinking'>

/** The objects of one collection that a relationship leads to, and the mapping whose links translate them. */
export interface FarEnd<M extends FarMapping = FarMapping> {
  /** As `_ref` has them at the source and at the target: `managed/role`, `managed/alpha_role`. */
  readonly sourceCollection: string
  readonly targetCollection: string
  readonly mapping: M
  /** The mapping leads from our target to our source. */
  readonly isReverse: boolean
}

export interface FarEnds<M extends FarMapping = FarMapping> {
  readonly ends: readonly FarEnd<M>[]
  /** Each begins with its place below `relationship`. */
  readonly faults: readonly string[]
  /** The same for names that no mapping has. */
  readonly unknown: readonly string[]
}

const INSTANCE = /^external\/idm\/[^/]+\//

/** The path of the instance of a collection. References within the instance do not have it. */
const instanceOf = (path: string): string => INSTANCE.exec(path)?.[0] ?? ''

/** The far ends of a relationship between `source` and `target`. @param find a mapping by its name */
export function farEnds<M extends FarMapping>(
  { source, target }: Pick<Mapping, 'source' | 'target'>,
  { mapping: named }: Relationship,
  find: (name: string) => M | undefined,
): FarEnds<M> {
  const wanted = typeof named === 'string' ? [['', named] as const] : Object.entries(named)
  const [sourceSide, targetSide] = [instanceOf(source), instanceOf(target)]
  const ends: FarEnd<M>[] = []
  const faults: string[] = []
  const unknown: string[] = []
  for (const [collection, name] of wanted) {
    const place = collection === '' ? 'mapping' : `mapping.${collection}`
    const mapping = find(name)
    const end = mapping && endOf(mapping, sourceSide, targetSide, collection)
    if (!mapping) unknown.push(`${place}: there is no mapping "${name}"`)
    else if (!mapping.enableLinking) faults.push(`${place}: mapping "${name}" keeps no links (enableLinking)`)
    else if (end) ends.push(end)
    else {
      const what = collection === '' ? '' : ` that has ${sourceSide}${collection} at one side`
      faults.push(
        `${place}: "${name}" is not a mapping between ${sourceSide || source} and ${targetSide || target}${what}`,
      )
    }
  }
  return { ends, faults, unknown }
}

function endOf<M extends FarMapping>(
  mapping: M,
  sourceSide: string,
  targetSide: string,
  collection: string,
): FarEnd<M> | undefined {
  for (const isReverse of [false, true]) {
    const [from, to] = isReverse ? [mapping.target, mapping.source] : [mapping.source, mapping.target]
    if (instanceOf(from) !== sourceSide || instanceOf(to) !== targetSide) continue
    const [sourceCollection, targetCollection] = [from.slice(sourceSide.length), to.slice(targetSide.length)]
    if (collection === '' || collection === sourceCollection)
      return { sourceCollection, targetCollection, mapping, isReverse }
  }
  return undefined
}
