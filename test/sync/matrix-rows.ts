/** The two tables of situations and the table of actions, each row as objects that show it. */
import type { Action } from '../../lib/sync/action.ts'
import type { Situation } from '../../lib/sync/situation.ts'

/** How an object of the matrix is made to stand as its row says. */
export interface Case {
  readonly name: string
  readonly phase: 'source' | 'target'
  readonly situation: Situation
  /** The default first, then what the documentation offers besides. */
  readonly actions: readonly Action[]
  /** Objects at the beginning; `hidden` ones are in no query of the mapping. */
  readonly source?: Flags
  readonly target?: Flags
  /** A second target with the same name. */
  readonly twin?: Flags
  /** Another source of the same name. */
  readonly owner?: Flags
  /** Who is linked to the target. */
  readonly linked?: 'source' | 'owner'
  /** What happens to the source and the target when that is done. */
  readonly later?: Flags
  readonly removed?: 'source' | 'target'
}

type Flags = Readonly<Partial<Record<'hidden' | 'out' | 'system', boolean>>>

const QUIET = ['IGNORE', 'REPORT', 'NOREPORT', 'ASYNC'] as const
const UNQUALIFIED = ['DELETE', 'EXCEPTION', ...QUIET, 'UNLINK'] as const
const IGNORED = ['IGNORE', 'DELETE', 'UNLINK', 'REPORT', 'NOREPORT', 'ASYNC'] as const

const LINKED = { source: {}, target: {}, linked: 'source' } as const
const HIDDEN = { source: { hidden: true }, target: {}, linked: 'source' } as const

const SOURCE: readonly Omit<Case, 'phase'>[] = [
  { name: 'confirmed', situation: 'CONFIRMED', actions: ['UPDATE', ...QUIET], ...LINKED },
  {
    name: 'missing',
    situation: 'MISSING',
    actions: ['EXCEPTION', 'CREATE', 'UNLINK', ...QUIET],
    ...LINKED,
    removed: 'target',
  },
  { name: 'absent', situation: 'ABSENT', actions: ['CREATE', 'EXCEPTION', ...QUIET], source: {} },
  { name: 'found', situation: 'FOUND', actions: ['UPDATE', 'LINK', 'EXCEPTION', ...QUIET], source: {}, target: {} },
  {
    name: 'taken',
    situation: 'FOUND_ALREADY_LINKED',
    actions: ['EXCEPTION', ...QUIET],
    source: {},
    target: {},
    owner: { hidden: true },
    linked: 'owner',
  },
  {
    name: 'ambiguous',
    situation: 'AMBIGUOUS',
    actions: ['EXCEPTION', ...QUIET],
    source: {},
    target: { hidden: true },
    twin: { hidden: true },
  },
  {
    name: 'ignored',
    situation: 'SOURCE_IGNORED',
    actions: ['IGNORE', 'EXCEPTION', 'REPORT', 'NOREPORT', 'ASYNC'],
    source: { out: true },
  },
  { name: 'unqualified', situation: 'UNQUALIFIED', actions: UNQUALIFIED, ...LINKED, later: { out: true } },
  {
    name: 'unqualified-found',
    situation: 'UNQUALIFIED',
    actions: UNQUALIFIED,
    source: { out: true },
    target: {},
  },
]

const TARGET: readonly Omit<Case, 'phase'>[] = [
  { name: 'system', situation: 'TARGET_IGNORED', actions: IGNORED, target: { system: true } },
  { name: 'system-linked', situation: 'TARGET_IGNORED', actions: IGNORED, ...HIDDEN, target: { system: true } },
  { name: 'unassigned', situation: 'UNASSIGNED', actions: ['EXCEPTION', ...QUIET], target: {} },
  { name: 'hidden', situation: 'CONFIRMED', actions: ['UPDATE', 'IGNORE', 'REPORT', 'NOREPORT'], ...HIDDEN },
  { name: 'hidden-unqualified', situation: 'UNQUALIFIED', actions: UNQUALIFIED, ...HIDDEN, later: { out: true } },
  {
    name: 'gone',
    situation: 'SOURCE_MISSING',
    actions: ['EXCEPTION', 'DELETE', 'UNLINK', ...QUIET],
    ...LINKED,
    removed: 'source',
  },
]

export const CASES: readonly Case[] = [
  ...SOURCE.map((one) => ({ ...one, phase: 'source' as const })),
  ...TARGET.map((one) => ({ ...one, phase: 'target' as const })),
]

/** `default` has no policies at all. */
export type Choice = Action | 'default'

/** One object of the matrix: a case, and the action that its mapping has for the situation. */
export interface MatrixRow extends Case {
  readonly choice: Choice
  readonly action: Action
  /** Of the source; targets have it behind `t-`. */
  readonly id: string
}

export const ROWS: readonly MatrixRow[] = CASES.flatMap((one) =>
  (['default', ...one.actions] as const).map((choice) => ({
    ...one,
    choice,
    action: choice === 'default' ? (one.actions[0] ?? 'IGNORE') : choice,
    id: `${one.name}.${choice}`,
  })),
)

export const CHOICES: readonly Choice[] = [...new Set(ROWS.map(({ choice }) => choice))]

/** What an action leaves behind (table of actions). */
export interface Effect {
  readonly target: 'same' | 'created' | 'updated' | 'deleted'
  readonly link: 'same' | 'made' | 'gone'
  readonly status: 'SUCCESS' | 'FAILURE'
  /** It has an entry in the audit. */
  readonly reported: boolean
}

const nothing: Effect = { target: 'same', link: 'same', status: 'SUCCESS', reported: true }

export const EFFECTS: Readonly<Record<Action, Effect>> = {
  CREATE: { ...nothing, target: 'created', link: 'made' },
  UPDATE: { ...nothing, target: 'updated', link: 'made' },
  DELETE: { ...nothing, target: 'deleted', link: 'gone' },
  LINK: { ...nothing, link: 'made' },
  UNLINK: { ...nothing, link: 'gone' },
  EXCEPTION: { ...nothing, status: 'FAILURE' },
  IGNORE: nothing,
  REPORT: nothing,
  NOREPORT: { ...nothing, reported: false },
  ASYNC: { ...nothing, reported: false },
}
