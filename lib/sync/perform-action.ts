import type { JsonObject } from '../contract.ts'
import { internalError, notFound, ResourceException } from '../crest/errors.ts'
import type { RowOutcome } from '../repo/run-rows.ts'
import { ACTION_RULES, type Action } from './action.ts'
import { Durations } from './durations.ts'
import { Hooks } from './hooks.ts'
import { LinkSpace, type PairLink } from './link-space.ts'
import { mapProperties } from './map-properties.ts'
import type { ConfiguredMapping } from './mapping-registry.ts'
import { idOf, ObjectSet } from './object-set.ts'
import { Pace } from './pace.ts'
import { Performer } from './performer.ts'
import { ontoTarget } from './plan-row.ts'
import type { ReconServiceParts } from './recon-service.ts'
import { Statistics } from './statistics.ts'

/** An action that somebody asks for by name. */
export interface ExplicitAction {
  readonly action: Action
  readonly situation: string
  readonly sourceId: string | null
  readonly targetId: string | null
  readonly linkQualifier: string
  /** It belongs to the target phase. */
  readonly target: boolean
}

/**
 * Carries out one action on one pair, whatever its situation is.
 * @throws ResourceException when it is not possible, or fails
 */
export async function performAction(
  parts: ReconServiceParts,
  { mapping, config }: ConfiguredMapping,
  asked: ExplicitAction,
): Promise<void> {
  const { connection, scripts } = parts
  const links = new LinkSpace(
    mapping,
    parts.mappings.all().map((entry) => entry.mapping),
    parts.links,
  )
  const common = { connection, pace: new Pace(new AbortController().signal), durations: new Durations() }
  const sources = new ObjectSet({ ...common, path: mapping.source, fields: mapping.defaultSourceFields })
  const targets = new ObjectSet({ ...common, path: mapping.target, fields: mapping.defaultTargetFields })
  const link = await linkOf(links, asked)
  const sourceId = asked.sourceId ?? link?.sourceKey ?? null
  const targetId = asked.targetId ?? link?.targetKey ?? null
  const source = sourceId === null ? null : await sources.read(sourceId, 'sourceObjectQuery')
  const target = targetId === null ? null : await targets.read(targetId, 'targetObjectQuery')
  if (asked.sourceId !== null && !source && !link)
    throw notFound(`${mapping.source}: there is no object ${asked.sourceId}`)
  let mapped: JsonObject | null = null
  if (ACTION_RULES[asked.action].maps && source) {
    const onto = asked.action === 'UPDATE' ? ontoTarget(target) : {}
    const [result] = await mapProperties(
      mapping.properties,
      [{ source, onto, linkQualifier: asked.linkQualifier }],
      scripts,
    )
    if (result === undefined || result instanceof ResourceException) throw result ?? internalError('Nothing was mapped')
    mapped = result
  }
  const outcomes: RowOutcome[] = []
  const rows = parts.runs.rows(0)
  const committer = {
    finish: async (outcome: RowOutcome): Promise<boolean> => {
      outcomes.push(outcome)
      return (await rows.finish([outcome]))[0] ?? false
    },
  }
  const performer = new Performer({
    mapping,
    links,
    scripts,
    hooks: new Hooks(mapping, config, scripts, ''),
    sources,
    targets,
    committer,
    statistics: new Statistics(),
    again: undefined,
  })
  const { settled } = await performer.perform({
    key: 0,
    phase: asked.target ? 'target' : 'source',
    qualifier: asked.linkQualifier,
    sourceId: source ? idOf(source) : sourceId,
    targetId: target ? idOf(target) : targetId,
    targetKey: null,
    claims: false,
    situation: asked.situation,
    action: asked.action,
    reason: 'it was asked for',
    status: null,
    failure: null,
    ambiguous: null,
    changes: null,
    work: { source, target, mapped, link: link && { ...link }, policy: null },
  })
  if ((await settled) === 'FAILURE') throw failureOf(outcomes.at(-1))
}

async function linkOf(links: LinkSpace, asked: ExplicitAction): Promise<PairLink | null> {
  const found =
    asked.sourceId !== null
      ? await links.bySources([links.sourceKey(asked.sourceId)])
      : await links.byTargets([links.targetKey(asked.targetId ?? '')])
  return found.find(({ qualifier }) => qualifier === asked.linkQualifier) ?? null
}

function failureOf(outcome: RowOutcome | undefined): ResourceException {
  const { code, message, reason } = outcome?.failure ?? {}
  return new ResourceException(Number(code ?? 409), String(message ?? 'The objects are linked to others already'), {
    ...(typeof reason === 'string' ? { reason } : {}),
  })
}
