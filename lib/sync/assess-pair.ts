import type { JsonObject } from '../contract.ts'
import { conflict, notFound, ResourceException } from '../crest/errors.ts'
import { lookups } from './correlation.ts'
import type { LinkSpace, PairLink } from './link-space.ts'
import type { Mapping } from './mapping.ts'
import { idOf, type ObjectSet } from './object-set.ts'
import { qualifications, targetValidity } from './qualification.ts'
import type { Scripts } from './scripts.ts'
import { type Assessment, assessSource, assessTarget } from './situation.ts'
import { liveTargets, TargetCorrelation } from './target-correlation.ts'

export interface PairParts {
  readonly mapping: Mapping
  readonly links: LinkSpace
  readonly scripts: Scripts
  readonly sources: ObjectSet
  readonly targets: ObjectSet
}

/** The pair that somebody names: by its source, its target, or both. */
export interface NamedPair {
  readonly sourceId: string | null
  readonly targetId: string | null
  readonly linkQualifier: string
  /** It is looked at from the target. */
  readonly target: boolean
}

/** How a pair stands now. */
export interface AssessedPair extends Assessment {
  readonly source: JsonObject | null
  readonly target: JsonObject | null
  readonly link: PairLink | null
  /** The ids of targets that correlate, when there are several. */
  readonly ambiguous: readonly string[] | null
  /** The target is linked to another source. */
  readonly taken: boolean
}

/**
 * Looks at one pair as a reconciliation would, with what there is now.
 * @throws notFound for an object that is not there, conflict when they are linked to others
 */
export function assessPair(parts: PairParts, pair: NamedPair): Promise<AssessedPair> {
  const { sourceId, targetId } = pair
  if (sourceId !== null && !pair.target) return fromSource(parts, pair, sourceId)
  return fromTarget(parts, pair, targetId)
}

async function fromSource(parts: PairParts, pair: NamedPair, sourceId: string): Promise<AssessedPair> {
  const { links, mapping, sources, targets } = parts
  const link = await linkOf(parts, pair, 'source', sourceId)
  const named = pair.targetId === null ? null : links.targetKey(pair.targetId)
  if (link && named !== null && link.targetKey !== named)
    throw conflict(`${mapping.source}: ${sourceId} is linked to ${link.targetKey}, not to ${pair.targetId}`)
  const source = await sources.read(sourceId, 'sourceObjectQuery')
  if (!source && !link) throw notFound(`${mapping.source}: there is no object ${sourceId}`)
  const keys = link ? [link.targetKey] : named !== null ? [pair.targetId ?? ''] : await candidates(parts, pair, source)
  const [key] = keys
  const target = keys.length === 1 && key !== undefined ? await targets.read(key, 'targetObjectQuery') : null
  if (named !== null && !target && !link) throw notFound(`${mapping.target}: there is no object ${pair.targetId}`)
  if (!source) return { ...(await sourceGone(parts, pair, target)), ...NOBODY, target, link }
  const taken = target !== null && !link && (await isTaken(parts, pair, target))
  const qualifies = await verdictOf(qualifications(mapping, [{ source, ...qualifierOf(pair) }], parts.scripts))
  const count = keys.length === 1 ? Number(target !== null) : keys.length
  const assessment = assessSource({ qualifies, linked: link !== null, targets: count, taken })
  return { ...assessment, source, target, link, ambiguous: keys.length > 1 ? keys : null, taken }
}

async function fromTarget(parts: PairParts, pair: NamedPair, targetId: string | null): Promise<AssessedPair> {
  const { mapping, links, sources, targets } = parts
  const own = pair.sourceId === null ? null : await linkOf(parts, pair, 'source', pair.sourceId)
  const id = targetId ?? own?.targetKey ?? null
  const target = id === null ? null : await targets.read(id, 'targetObjectQuery')
  if (!target || id === null)
    throw notFound(`${mapping.target}: there is no object ${id ?? `linked to ${pair.sourceId}`}`)
  const link = await linkOf(parts, pair, 'target', id)
  if (pair.sourceId !== null && link?.sourceKey !== links.sourceKey(pair.sourceId))
    throw conflict(`${mapping.target}: ${id} is linked to ${link?.sourceKey ?? 'nobody'}, not to ${pair.sourceId}`)
  const source = link ? await sources.read(link.sourceKey, 'sourceObjectQuery') : null
  const valid = await isValid(parts, pair, target)
  const sourceQualifies =
    source !== null && (await verdictOf(qualifications(mapping, [{ source, ...qualifierOf(pair) }], parts.scripts)))
  const assessment = assessTarget({ valid, linked: link !== null, sourceExists: source !== null, sourceQualifies })
  return { ...assessment, ...NOBODY, source, target, link }
}

const NOBODY = { source: null, ambiguous: null, taken: false } as const

/** The source is gone and its link is there. */
async function sourceGone(parts: PairParts, pair: NamedPair, target: JsonObject | null): Promise<Assessment> {
  if (!target) return { situation: 'LINK_ONLY', reason: 'there is a link, and both source and target are gone' }
  const valid = await isValid(parts, pair, target)
  return assessTarget({ valid, linked: true, sourceExists: false, sourceQualifies: false })
}

async function linkOf(
  { links }: PairParts,
  { linkQualifier }: NamedPair,
  side: 'source' | 'target',
  id: string,
): Promise<PairLink | null> {
  const found =
    side === 'source' ? await links.bySources([links.sourceKey(id)]) : await links.byTargets([links.targetKey(id)])
  return found.find(({ qualifier }) => qualifier === linkQualifier) ?? null
}

async function candidates(parts: PairParts, pair: NamedPair, source: JsonObject | null): Promise<readonly string[]> {
  const { mapping, links, scripts, targets: set } = parts
  const correlation = new TargetCorrelation(liveTargets(mapping, set, links))
  const tasks = [{ source: source ?? {}, ...qualifierOf(pair) }]
  const [found = []] = await correlation.correlate(await lookups(mapping, tasks, scripts))
  if (found instanceof ResourceException) throw found
  return found
}

async function isTaken(parts: PairParts, pair: NamedPair, target: JsonObject): Promise<boolean> {
  const link = await linkOf(parts, pair, 'target', idOf(target))
  return link !== null && link.sourceKey !== parts.links.sourceKey(pair.sourceId ?? '')
}

const isValid = ({ mapping, scripts }: PairParts, pair: NamedPair, target: JsonObject): Promise<boolean> =>
  verdictOf(targetValidity(mapping, [{ target, ...qualifierOf(pair) }], scripts))

const qualifierOf = ({ linkQualifier }: NamedPair) => ({ linkQualifier })

async function verdictOf(judged: Promise<(boolean | ResourceException)[]>): Promise<boolean> {
  const [verdict = false] = await judged
  if (verdict instanceof ResourceException) throw verdict
  return verdict
}
