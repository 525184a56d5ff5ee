import type { JsonObject } from '../contract.ts'
import { conflict, internalError, ResourceException } from '../crest/errors.ts'
import type { RowOutcome } from '../repo/run-rows.ts'
import { ACTION_RULES, type Action } from './action.ts'
import { notAllowed } from './allowed-actions.ts'
import { type AssessedPair, assessPair, type NamedPair, type PairParts } from './assess-pair.ts'
import { Durations } from './durations.ts'
import { Hooks } from './hooks.ts'
import { LinkSpace } from './link-space.ts'
import { mapProperties } from './map-properties.ts'
import type { ConfiguredMapping } from './mapping-registry.ts'
import { idOf, ObjectSet } from './object-set.ts'
import { Pace } from './pace.ts'
import { type OpenRow, Performer } from './performer.ts'
import { ontoTarget } from './plan-row.ts'
import type { ReconServiceParts } from './recon-service.ts'
import type { Situation } from './situation.ts'
import { Statistics } from './statistics.ts'

/** An action that somebody asks for by name. */
export interface ExplicitAction extends NamedPair {
  readonly action: Action
  /** The situation in which it was decided; null = whatever it is now. */
  readonly situation: Situation | null
}

/**
 * Carries out one action on one pair. As at the vendor, the situation is assessed anew, and has to be the one that the
 * caller names; besides, the action has to be one that it allows.
 * @throws ResourceException when it is not possible, or fails
 */
export async function performAction(
  parts: ReconServiceParts,
  configured: ConfiguredMapping,
  asked: ExplicitAction,
): Promise<void> {
  const pairParts = pairPartsOf(parts, configured)
  const pair = await assessPair(pairParts, asked)
  const refusal = refusalOf(asked, pair)
  if (refusal !== undefined) throw conflict(refusal)
  const mapped = await mappedBy(pairParts, asked, pair)
  const outcomes: RowOutcome[] = []
  const performer = performerOf(parts, configured, pairParts, outcomes)
  const { settled } = await performer.perform(rowOf(asked, pair, mapped))
  if ((await settled) === 'FAILURE') throw failureOf(outcomes.at(-1))
}

function pairPartsOf({ connection, scripts, mappings, links }: ReconServiceParts, { mapping }: ConfiguredMapping) {
  const others = mappings.all().map((entry) => entry.mapping)
  const common = { connection, pace: new Pace(new AbortController().signal), durations: new Durations() }
  return {
    mapping,
    scripts,
    links: new LinkSpace(mapping, others, links),
    sources: new ObjectSet({ ...common, path: mapping.source, fields: mapping.defaultSourceFields }),
    targets: new ObjectSet({ ...common, path: mapping.target, fields: mapping.defaultTargetFields }),
  }
}

function refusalOf({ action, situation }: ExplicitAction, pair: AssessedPair): string | undefined {
  if (situation !== null && situation !== pair.situation)
    return `The situation is ${pair.situation} (${pair.reason}), not ${situation}`
  if (action === 'DELETE' && pair.situation === 'UNQUALIFIED' && pair.taken)
    return 'DELETE is not possible: the target that correlates is linked to another source'
  return notAllowed(action, pair.situation, pair.reason)
}

async function mappedBy(
  { mapping, scripts }: PairParts,
  { action, linkQualifier }: ExplicitAction,
  { source, target }: AssessedPair,
): Promise<JsonObject | null> {
  if (!ACTION_RULES[action].maps || !source) return null
  const onto = action === 'UPDATE' ? ontoTarget(target) : {}
  const [result] = await mapProperties(mapping.properties, [{ source, onto, linkQualifier }], scripts)
  if (result === undefined || result instanceof ResourceException) throw result ?? internalError('Nothing was mapped')
  return result
}

function performerOf(
  { runs, scripts }: ReconServiceParts,
  { mapping, config }: ConfiguredMapping,
  { links, sources, targets }: PairParts,
  outcomes: RowOutcome[],
): Performer {
  const rows = runs.rows(0)
  const finish = async (outcome: RowOutcome): Promise<boolean> => {
    outcomes.push(outcome)
    return (await rows.finish([outcome]))[0] ?? false
  }
  return new Performer({
    mapping,
    links,
    scripts,
    hooks: new Hooks(mapping, config, scripts, ''),
    sources,
    targets,
    committer: { finish },
    statistics: new Statistics(),
    again: undefined,
  })
}

function rowOf({ action, ...asked }: ExplicitAction, pair: AssessedPair, mapped: JsonObject | null): OpenRow {
  const { source, target, link, ambiguous, situation } = pair
  return {
    key: 0,
    phase: asked.target || asked.sourceId === null ? 'target' : 'source',
    qualifier: asked.linkQualifier,
    sourceId: source ? idOf(source) : (asked.sourceId ?? link?.sourceKey ?? null),
    targetId: target ? idOf(target) : (asked.targetId ?? link?.targetKey ?? null),
    targetKey: null,
    claims: false,
    situation,
    action,
    reason: pair.reason,
    status: null,
    failure: null,
    ambiguous,
    changes: null,
    work: { source, target, mapped, link: link && { ...link }, policy: null },
  }
}

function failureOf(outcome: RowOutcome | undefined): ResourceException {
  const { code, message, reason } = outcome?.failure ?? {}
  return new ResourceException(Number(code ?? 409), String(message ?? 'The objects are linked to others already'), {
    ...(typeof reason === 'string' ? { reason } : {}),
  })
}
