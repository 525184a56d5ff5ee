import type { Action } from './action.ts'

/** How a source and a target can relate to each other, in the order in which a run lists the situations. */
export const SITUATIONS = [
  'SOURCE_IGNORED',
  'FOUND_ALREADY_LINKED',
  'UNQUALIFIED',
  'ABSENT',
  'TARGET_IGNORED',
  'MISSING',
  'ALL_GONE',
  'UNASSIGNED',
  'AMBIGUOUS',
  'CONFIRMED',
  'LINK_ONLY',
  'SOURCE_MISSING',
  'FOUND',
] as const

export type Situation = (typeof SITUATIONS)[number]

export const isSituation = (name: unknown): name is Situation => SITUATIONS.some((situation) => situation === name)

const QUIET = ['IGNORE', 'REPORT', 'NOREPORT', 'ASYNC'] as const

/**
 * The actions that the vendor documents for each situation, the default first. A policy may name any action, as at the
 * vendor; an impossible one fails its object. An explicit action on one pair must be one of these.
 */
export const ALLOWED_ACTIONS: Readonly<Record<Situation, readonly [Action, ...Action[]]>> = {
  CONFIRMED: ['UPDATE', ...QUIET],
  MISSING: ['EXCEPTION', 'CREATE', 'UNLINK', ...QUIET],
  ABSENT: ['CREATE', 'EXCEPTION', ...QUIET],
  FOUND: ['UPDATE', 'LINK', 'EXCEPTION', ...QUIET],
  FOUND_ALREADY_LINKED: ['EXCEPTION', ...QUIET],
  AMBIGUOUS: ['EXCEPTION', ...QUIET],
  SOURCE_IGNORED: ['IGNORE', 'EXCEPTION', 'REPORT', 'NOREPORT', 'ASYNC'],
  UNQUALIFIED: ['DELETE', 'UNLINK', 'EXCEPTION', ...QUIET],
  TARGET_IGNORED: ['IGNORE', 'DELETE', 'UNLINK', 'REPORT', 'NOREPORT', 'ASYNC'],
  UNASSIGNED: ['EXCEPTION', ...QUIET],
  SOURCE_MISSING: ['EXCEPTION', 'DELETE', 'UNLINK', ...QUIET],
  ALL_GONE: ['IGNORE', 'EXCEPTION', 'REPORT', 'NOREPORT', 'ASYNC'],
  LINK_ONLY: ['EXCEPTION', 'UNLINK', ...QUIET],
}

/** The action for a situation that no policy is about. */
export const defaultAction = (situation: Situation): Action => ALLOWED_ACTIONS[situation][0]

/** What is known about a source object and a link qualifier. */
export interface SourceFacts {
  readonly qualifies: boolean
  readonly linked: boolean
  /** For a linked source: 1 when its target exists, else 0. For others: how many targets correlate. */
  readonly targets: number
  /** The only target that correlates is linked to another source. */
  readonly taken: boolean
}

interface SourceRow {
  readonly qualifies: boolean
  readonly linked: boolean
  readonly targets: '0' | '1' | 'many' | 'any'
  readonly taken?: boolean
  readonly situation: Situation
  readonly reason: string
}

/** The table of the source phase; the first row that matches applies. */
export const SOURCE_TABLE: readonly SourceRow[] = [
  row(true, true, '1', 'CONFIRMED', 'it is linked to a target, which is there'),
  row(true, true, '0', 'MISSING', 'it is linked to a target, which is gone'),
  row(true, false, '0', 'ABSENT', 'no target belongs to it'),
  { ...row(true, false, '1', 'FOUND', 'one target correlates, and it is not linked'), taken: false },
  { ...row(true, false, '1', 'FOUND_ALREADY_LINKED', 'the target is linked to another source'), taken: true },
  row(true, false, 'many', 'AMBIGUOUS', 'several targets correlate'),
  row(false, true, 'any', 'UNQUALIFIED', 'it does not qualify and has a link'),
  row(false, false, '0', 'SOURCE_IGNORED', 'it does not qualify and has no target'),
  row(false, false, 'any', 'UNQUALIFIED', 'it does not qualify and a target correlates'),
]

function row(
  qualifies: boolean,
  linked: boolean,
  targets: SourceRow['targets'],
  situation: Situation,
  reason: string,
): SourceRow {
  return { qualifies, linked, targets, situation, reason }
}

export interface Assessment {
  readonly situation: Situation
  /** One sentence for a person. */
  readonly reason: string
}

/** The situation of a source object. */
export function assessSource({ qualifies, linked, targets, taken }: SourceFacts): Assessment {
  const number = targets === 0 ? '0' : targets === 1 ? '1' : 'many'
  const fits = (row: SourceRow): boolean =>
    row.qualifies === qualifies &&
    row.linked === linked &&
    (row.targets === 'any' || row.targets === number) &&
    (row.taken === undefined || row.taken === taken)
  return SOURCE_TABLE.find(fits) ?? { situation: 'AMBIGUOUS', reason: 'several targets are linked' }
}

/** What is known about a target that no source has been matched with. */
export interface TargetFacts {
  readonly valid: boolean
  readonly linked: boolean
  readonly sourceExists: boolean
  readonly sourceQualifies: boolean
}

interface TargetRow extends Partial<TargetFacts>, Assessment {}

/** The table of the target phase; the first row that matches applies. */
export const TARGET_TABLE: readonly TargetRow[] = [
  { valid: false, situation: 'TARGET_IGNORED', reason: 'the target takes no part (validTarget)' },
  { linked: false, situation: 'UNASSIGNED', reason: 'no source belongs to it' },
  { sourceExists: false, situation: 'SOURCE_MISSING', reason: 'it is linked to a source, which is gone' },
  { sourceQualifies: false, situation: 'UNQUALIFIED', reason: 'its source does not qualify' },
  { situation: 'CONFIRMED', reason: 'it is linked to a source, which is there but was not in the source query' },
]

/** The situation of a target object. */
export function assessTarget(facts: TargetFacts): Assessment {
  const names = ['valid', 'linked', 'sourceExists', 'sourceQualifies'] as const
  const fits = (row: TargetRow) => names.every((name) => row[name] === undefined || row[name] === facts[name])
  return TARGET_TABLE.find(fits) ?? { situation: 'UNASSIGNED', reason: 'no source belongs to it' }
}

/** What is known when a source has been deleted, for one link qualifier. */
export interface DeletionFacts {
  readonly linked: boolean
  /** For a linked source: 1 when its target exists, else 0. For others: how many free targets correlated with it. */
  readonly targets: number
  /** Whether the linked target takes part (`validTarget`). */
  readonly valid: boolean
  /** Whether the source qualified before it was deleted. */
  readonly qualified: boolean
}

interface DeletionRow extends Assessment {
  readonly linked: boolean
  readonly targets: '0' | '1' | 'many'
  readonly valid?: boolean
  readonly qualified?: boolean
}

/** The table of deletions, which implicit synchronization alone sees; the first row that matches applies. */
export const DELETION_TABLE: readonly DeletionRow[] = [
  {
    linked: true,
    targets: '0',
    situation: 'LINK_ONLY',
    reason: 'there is a link, and both source and target are gone',
  },
  {
    ...{ linked: true, targets: '1', valid: false },
    ...{ situation: 'TARGET_IGNORED', reason: 'the source is gone, and its target takes no part (validTarget)' },
  },
  { linked: true, targets: '1', situation: 'SOURCE_MISSING', reason: 'it is linked to a source, which is gone' },
  { linked: false, targets: '0', situation: 'ALL_GONE', reason: 'the source is gone, and no target belongs to it' },
  {
    ...{ linked: false, targets: '1', qualified: true },
    ...{ situation: 'UNASSIGNED', reason: 'the source is gone; one target correlated with it, and it is not linked' },
  },
  {
    ...{ linked: false, targets: 'many', qualified: true },
    ...{ situation: 'AMBIGUOUS', reason: 'the source is gone, and several targets correlated with it' },
  },
  {
    ...{ linked: false, targets: '1', qualified: false },
    ...{ situation: 'TARGET_IGNORED', reason: 'the source is gone and did not qualify; one target correlated with it' },
  },
  {
    ...{ linked: false, targets: 'many', qualified: false },
    ...{
      situation: 'UNQUALIFIED',
      reason: 'the source is gone and did not qualify; several targets correlated with it',
    },
  },
]

/** The situation of a source that has been deleted. */
export function assessDeletion({ linked, targets, valid, qualified }: DeletionFacts): Assessment {
  const number = targets === 0 ? '0' : targets === 1 ? '1' : 'many'
  const fits = (row: DeletionRow): boolean =>
    row.linked === linked &&
    row.targets === number &&
    (row.valid === undefined || row.valid === valid) &&
    (row.qualified === undefined || row.qualified === qualified)
  return DELETION_TABLE.find(fits) ?? { situation: 'AMBIGUOUS', reason: 'several targets are linked' }
}
