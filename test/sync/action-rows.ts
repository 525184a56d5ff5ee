import type { JsonObject } from '../../lib/contract.ts'

/** One row of the table of actions, as an object that shows it. */
export interface ActionRow {
  readonly situation: string
  readonly action: string
  /** The hooks that run; `postAction` is the policy's. */
  readonly hooks: readonly string[]
  /** Begins the message of a failure. */
  readonly fails?: RegExp
  readonly source?: JsonObject
  /** How many targets there are beforehand. */
  readonly targets?: number
  readonly linked?: true
  /** Names of the targets afterwards that are linked, and that are not. */
  readonly left: readonly [linked: readonly string[], others: readonly string[]]
}

const one = { targets: 1 } as const
const linked = { targets: 1, linked: true } as const

/** The table of actions, each with the scripts that it has run, and what it cannot do. */
export const ACTION_ROWS: Readonly<Record<string, ActionRow>> = {
  create: {
    situation: 'ABSENT',
    action: 'CREATE',
    hooks: ['onMapping', 'onCreate', 'onLink', 'postMapping', 'postAction'],
    left: [['onCreate'], []],
  },
  update: {
    ...one,
    situation: 'FOUND',
    action: 'UPDATE',
    hooks: ['onMapping', 'onUpdate', 'onLink', 'postMapping', 'postAction'],
    left: [['onUpdate'], []],
  },
  'update-linked': {
    ...linked,
    situation: 'CONFIRMED',
    action: 'UPDATE',
    hooks: ['onMapping', 'onUpdate', 'postMapping', 'postAction'],
    left: [['onUpdate'], []],
  },
  delete: {
    ...linked,
    situation: 'UNQUALIFIED',
    action: 'DELETE',
    source: { out: true },
    hooks: ['onDelete', 'onUnlink', 'postAction'],
    left: [[], []],
  },
  link: {
    ...one,
    situation: 'FOUND',
    action: 'LINK',
    hooks: ['onLink', 'postMapping', 'postAction'],
    left: [['old'], []],
  },
  unlink: {
    ...linked,
    situation: 'UNQUALIFIED',
    action: 'UNLINK',
    source: { out: true },
    hooks: ['onUnlink', 'postMapping', 'postAction'],
    left: [[], ['old']],
  },
  exception: {
    ...one,
    situation: 'FOUND',
    action: 'EXCEPTION',
    hooks: ['postAction', 'onError'],
    fails: /^FOUND: one target correlates/,
    left: [[], ['old']],
  },
  ignore: { ...one, situation: 'FOUND', action: 'IGNORE', hooks: [], left: [[], ['old']] },
  report: { ...one, situation: 'FOUND', action: 'REPORT', hooks: ['postAction'], left: [[], ['old']] },
  noreport: { ...one, situation: 'FOUND', action: 'NOREPORT', hooks: ['postAction'], left: [[], ['old']] },
  async: { ...one, situation: 'FOUND', action: 'ASYNC', hooks: [], left: [[], ['old']] },
  'create-again': {
    ...linked,
    situation: 'CONFIRMED',
    action: 'CREATE',
    hooks: ['onError'],
    fails: /^CREATE is not possible: the target object exists/,
    left: [['old'], []],
  },
  'update-nobody': {
    situation: 'ABSENT',
    action: 'UPDATE',
    hooks: ['onError'],
    fails: /^UPDATE needs a target object/,
    left: [[], []],
  },
  'link-nobody': {
    situation: 'ABSENT',
    action: 'LINK',
    hooks: ['onError'],
    fails: /^LINK needs a target object/,
    left: [[], []],
  },
  'update-id': {
    ...one,
    situation: 'FOUND',
    action: 'UPDATE',
    source: { newId: 'another' },
    hooks: ['onMapping', 'onUpdate', 'onError'],
    fails: /^The mapping would give the target another _id/,
    left: [[], ['old']],
  },
  'delete-several': {
    situation: 'AMBIGUOUS',
    action: 'DELETE',
    targets: 2,
    hooks: ['onError'],
    fails: /^DELETE needs one target object/,
    left: [[], ['old', 'old']],
  },
}
