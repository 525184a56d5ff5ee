import type { AgreedField, AgreedValues } from '../../repo/links/agreement-store.ts'
import type { Mapping } from '../mapping/mapping.ts'

/** Which side of a pair has changed a field since both last agreed. `unsure`: a write was interrupted, and nothing tells. */
export type Changed = 'neither' | 'source' | 'target' | 'both' | 'unsure'

/**
 * Compares a field with the last agreement.
 * @param now of what the mapping makes of its source, and of what its target shows
 * @returns undefined when no agreement is known
 */
export function changedSince({ last, awaited }: AgreedField, now: AgreedValues): Changed | undefined {
  if (!awaited) return last && compare(last, now)
  const { evidence } = awaited
  if (now[evidence] === awaited[evidence]) return compare(awaited, now)
  if (!last) return undefined
  if (now[evidence] === last[evidence]) return compare(last, now)
  const other = evidence === 'wanted' ? 'shown' : 'wanted'
  const isUnchanged = now[other] === awaited[other] && now[other] === last[other]
  if (!isUnchanged) return 'unsure'
  return evidence === 'wanted' ? 'source' : 'target'
}

function compare(agreed: AgreedValues, now: AgreedValues): Changed {
  const [source, target] = [agreed.wanted !== now.wanted, agreed.shown !== now.shown]
  if (source) return target ? 'both' : 'source'
  return target ? 'target' : 'neither'
}

/** The same for a change that consists of several fields; undefined = no agreement is known about one of them. */
export function changedTogether(all: readonly (Changed | undefined)[]): Changed | undefined {
  if (all.includes(undefined)) return undefined
  if (all.includes('unsure')) return 'unsure'
  const [source, target] = [
    all.includes('source') || all.includes('both'),
    all.includes('target') || all.includes('both'),
  ]
  if (source) return target ? 'both' : 'source'
  return target ? 'target' : 'neither'
}

export type ConflictRule = NonNullable<Mapping['conflict']>

/** A mapping and the one that carries changes back over the same links. */
export interface MappingPair {
  readonly opposite: Mapping
  /** What is done about a field that both sides have changed. */
  readonly rule: ConflictRule
}

/**
 * The pair of a mapping whose two instances follow each other; undefined where its source always wins. They do where one of
 * the two mappings has `conflict`, or where both carry changes over as they happen.
 */
export function pairOf(mapping: Mapping, mappings: readonly Mapping[]): MappingPair | undefined {
  const opposite = mappings.find((other) => isOpposite(mapping, other))
  if (!opposite) return undefined
  const rule = mapping.conflict ?? (opposite.conflict && INVERSE[opposite.conflict])
  if (rule === undefined && !(isLive(mapping) && isLive(opposite))) return undefined
  return { opposite, rule: rule ?? 'exception' }
}

const INVERSE = { source: 'target', target: 'source', exception: 'exception' } as const

/** Whether `other` leads back from the target of `mapping` to its source, with the same links. */
export const isOpposite = (mapping: Mapping, other: Mapping): boolean =>
  other.name !== mapping.name &&
  mapping.source !== mapping.target &&
  other.source === mapping.target &&
  other.target === mapping.source &&
  mapping.enableLinking &&
  other.enableLinking &&
  (mapping.links ?? mapping.name) === (other.links ?? other.name)

/** Whether changes of the source are carried over as they happen, or by runs that ask for what has changed. */
const isLive = ({ source, enableSync, captureChanges, incremental }: Mapping): boolean =>
  incremental !== undefined || (enableSync && (captureChanges || source.startsWith('managed/')))
