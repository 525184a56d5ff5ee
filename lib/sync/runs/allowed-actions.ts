import type { Action } from '../action.ts'
import type { Situation } from '../situation.ts'

const QUIET = ['IGNORE', 'REPORT', 'NOREPORT', 'ASYNC'] as const

/**
 * What the vendor's documentation offers for each situation, the default first. A policy may name any action, as the
 * vendor's may: one that is impossible fails its object. Who asks for an action on one pair is held to it.
 */
export const ALLOWED_ACTIONS: Readonly<Record<Situation, readonly Action[]>> = {
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

/** Why `action` cannot be asked for; undefined when it can. */
export function notAllowed(action: Action, situation: Situation, reason: string): string | undefined {
  const allowed = ALLOWED_ACTIONS[situation]
  if (allowed.includes(action)) return undefined
  return `${action} is not possible: the situation is ${situation} (${reason}), which allows ${allowed.join(', ')}`
}
