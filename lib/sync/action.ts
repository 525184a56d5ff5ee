/** What can be done about a pair of objects. */
export const ACTIONS = [
  'CREATE',
  'UPDATE',
  'DELETE',
  'LINK',
  'UNLINK',
  'EXCEPTION',
  'IGNORE',
  'REPORT',
  'NOREPORT',
  'ASYNC',
] as const

export type Action = (typeof ACTIONS)[number]

const NAMES: ReadonlySet<unknown> = new Set(ACTIONS)

/** Asked several times for each object of a run. */
export const isAction = (name: unknown): name is Action => NAMES.has(name)

export interface ActionRule {
  /** It changes objects or links; without it there is nothing to carry out. */
  readonly writes: boolean
  /** What it cannot do without; EXCEPTION and the like need nothing. */
  readonly needs: { readonly source: boolean; readonly target: 'present' | 'absent' | 'any' }
  /** Source and target are linked afterwards. */
  readonly links: boolean
  /** The target object is made from the source's properties. */
  readonly maps: boolean
  /** It takes the target or its link away. */
  readonly destroys: boolean
  /** `postAction` of the policy runs afterwards. */
  readonly postAction: boolean
  /** The entry is kept for the audit. */
  readonly reported: boolean
}

const NOTHING = { source: false, target: 'any' } as const
const QUIET = { writes: false, needs: NOTHING, links: false, maps: false, destroys: false } as const

/** The table of actions. */
export const ACTION_RULES: Readonly<Record<Action, ActionRule>> = {
  CREATE: rule({ needs: { source: true, target: 'absent' }, links: true, maps: true }),
  UPDATE: rule({ needs: { source: true, target: 'present' }, links: true, maps: true }),
  DELETE: rule({ needs: NOTHING, destroys: true }),
  LINK: rule({ needs: { source: true, target: 'present' }, links: true }),
  UNLINK: rule({ needs: NOTHING, destroys: true }),
  EXCEPTION: { ...QUIET, postAction: true, reported: true },
  IGNORE: { ...QUIET, postAction: false, reported: true },
  REPORT: { ...QUIET, postAction: true, reported: true },
  NOREPORT: { ...QUIET, postAction: true, reported: false },
  ASYNC: { ...QUIET, postAction: false, reported: false },
}

function rule(parts: Partial<ActionRule> & Pick<ActionRule, 'needs'>): ActionRule {
  return { writes: true, links: false, maps: false, destroys: false, postAction: true, reported: true, ...parts }
}

/** Why `action` cannot be carried out on what there is; undefined when it can. */
export function impossible(action: Action, there: { source: boolean; target: boolean }): string | undefined {
  const { needs } = ACTION_RULES[action]
  if (needs.source && !there.source) return `${action} needs a source object, and there is none`
  if (needs.target === 'present' && !there.target) return `${action} needs a target object, and there is none`
  if (needs.target === 'absent' && there.target) return `${action} is not possible: the target object exists`
  return undefined
}
