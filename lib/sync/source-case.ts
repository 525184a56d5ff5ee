import type { JsonObject } from '../contract.ts'
import type { ResourceException } from '../crest/errors.ts'
import type { SeenObject } from '../repo/run-snapshot.ts'
import { ACTION_RULES } from './action.ts'
import type { Lookup } from './correlation.ts'
import type { PairLink } from './link-space.ts'
import { idOf } from './object-set.ts'
import type { PlannedCase } from './plan-row.ts'
import type { Decision } from './policy.ts'
import type { Assessment } from './situation.ts'

/** One source and kind of link on its way to a row. */
export interface SourceCase {
  readonly source: JsonObject
  readonly sourceId: string
  readonly sourceKey: string
  readonly qualifier: string
  qualifies: boolean
  link: PairLink | null
  lookup: Lookup
  candidates: readonly string[]
  /** What was found at the other end. */
  seen: SeenObject | undefined
  target: JsonObject | null
  targetKey: string | null
  taken: boolean
  assessment: Assessment | undefined
  decision: Decision | undefined
  mapped: JsonObject | ResourceException | undefined
  /** Known without mapping: the target is as the mapping would have it. */
  isSame: boolean
  failure: ResourceException | undefined
}

const NONE: Lookup = { kind: 'none' }

export const sourceCase = (source: JsonObject, sourceKey: string, qualifier: string): SourceCase => ({
  source,
  sourceId: idOf(source),
  sourceKey,
  qualifier,
  qualifies: false,
  link: null,
  lookup: NONE,
  candidates: [],
  seen: undefined,
  target: null,
  targetKey: null,
  taken: false,
  assessment: undefined,
  decision: undefined,
  mapped: undefined,
  isSame: false,
  failure: undefined,
})

export const isFine = ({ failure }: SourceCase): boolean => failure === undefined

export const taskOf = ({ source, qualifier }: SourceCase) => ({ source, linkQualifier: qualifier })

export const targetIdOf = (one: SourceCase): string | null => {
  if (one.target) return idOf(one.target)
  return one.link?.targetKey ?? null
}

/** Whether its target is made from its source's properties. */
export const isMapped = ({ decision }: SourceCase): boolean =>
  decision !== undefined && ACTION_RULES[decision.action].maps

export const plannedCase = (one: SourceCase): PlannedCase => ({
  phase: 'source',
  qualifier: one.qualifier,
  sourceId: one.sourceId,
  source: one.source,
  targetId: targetIdOf(one),
  targetKey: one.targetKey,
  target: one.target,
  link: one.link,
  ambiguous: one.candidates.length > 1 ? one.candidates : null,
  assessment: one.assessment,
  decision: one.decision,
  mapped: isMapped(one) ? one.mapped : undefined,
  isSame: one.isSame,
  failure: one.failure,
})
