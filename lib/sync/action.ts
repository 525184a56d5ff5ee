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

/** Called several times for each object of a run. */
export const isAction = (name: unknown): name is Action => NAMES.has(name)

export interface ActionRule {
  /** It changes objects or links. */
  readonly writes: boolean
  /** The objects that it requires. */
  readonly needs: { readonly source: boolean; readonly target: 'present' | 'absent' | 'any' }
  /** It links source and target. */
  readonly links: boolean
  /** It maps the properties of the source. */
  readonly maps: boolean
  /** It removes the target or its link. */
  readonly destroys: boolean
  /** It is followed by the `postAction` of the policy. */
  readonly postAction: boolean
  /** It is reported in the audit. */
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

/** Why `action` is impossible with the existing objects; undefined when it is possible. */
export function impossible(action: Action, there: { source: boolean; target: boolean }): string | undefined {
  const { needs } = ACTION_RULES[action]
  if (needs.source && !there.source) return `${action} needs a source object, and there is none`
  if (needs.target === 'present' && !there.target) return `${action} needs a target object, and there is none`
  if (needs.target === 'absent' && there.target) return `${action} is not possible: the target object exists`
  return undefined
}
