import type { Action } from './action.ts'

/** How a pair of objects can stand, in the order a run lists them. */
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

/** What is done about a situation unless a policy says otherwise. */
export const DEFAULT_ACTIONS: Readonly<Record<Situation, Action>> = {
  CONFIRMED: 'UPDATE',
  MISSING: 'EXCEPTION',
  ABSENT: 'CREATE',
  FOUND: 'UPDATE',
  FOUND_ALREADY_LINKED: 'EXCEPTION',
  AMBIGUOUS: 'EXCEPTION',
  SOURCE_IGNORED: 'IGNORE',
  UNQUALIFIED: 'DELETE',
  TARGET_IGNORED: 'IGNORE',
  UNASSIGNED: 'EXCEPTION',
  SOURCE_MISSING: 'EXCEPTION',
  ALL_GONE: 'IGNORE',
  LINK_ONLY: 'EXCEPTION',
}

/** What is known about a source object and a kind of link. */
export interface SourceFacts {
  readonly qualifies: boolean
  readonly linked: boolean
  /** Linked: whether the target is there, 0 or 1. Else: how many targets correlate. */
  readonly targets: number
  /** The one target that correlates is linked to another source. */
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

/** The table of the source phase; the first row that fits counts. */
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

/** How a source object stands. */
export function assessSource({ qualifies, linked, targets, taken }: SourceFacts): Assessment {
  const number = targets === 0 ? '0' : targets === 1 ? '1' : 'many'
  const fits = (row: SourceRow): boolean =>
    row.qualifies === qualifies &&
    row.linked === linked &&
    (row.targets === 'any' || row.targets === number) &&
    (row.taken === undefined || row.taken === taken)
  return SOURCE_TABLE.find(fits) ?? { situation: 'AMBIGUOUS', reason: 'several targets are linked' }
}

/** What is known about a target that no source has led to. */
export interface TargetFacts {
  readonly valid: boolean
  readonly linked: boolean
  readonly sourceExists: boolean
  readonly sourceQualifies: boolean
}

interface TargetRow extends Partial<TargetFacts>, Assessment {}

/** The table of the target phase; the first row that fits counts. */
export const TARGET_TABLE: readonly TargetRow[] = [
  { valid: false, situation: 'TARGET_IGNORED', reason: 'the target takes no part (validTarget)' },
  { linked: false, situation: 'UNASSIGNED', reason: 'no source belongs to it' },
  { sourceExists: false, situation: 'SOURCE_MISSING', reason: 'it is linked to a source, which is gone' },
  { sourceQualifies: false, situation: 'UNQUALIFIED', reason: 'its source does not qualify' },
  { situation: 'CONFIRMED', reason: 'it is linked to a source, which is there but was not in the source query' },
]

/** How a target object stands. */
export function assessTarget(facts: TargetFacts): Assessment {
  const names = ['valid', 'linked', 'sourceExists', 'sourceQualifies'] as const
  const fits = (row: TargetRow) => names.every((name) => row[name] === undefined || row[name] === facts[name])
  return TARGET_TABLE.find(fits) ?? { situation: 'UNASSIGNED', reason: 'no source belongs to it' }
}
