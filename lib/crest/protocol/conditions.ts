import type { IncomingHttpHeaders } from 'node:http'
import { badRequest, preconditionFailed } from '../errors.ts'

/** The conditions of a request: a revision without quotes, `*`, or null when the header is absent. */
export interface Conditions {
  readonly ifMatch: string | null
  readonly ifNoneMatch: string | null
}

export const conditionsOf = (headers: IncomingHttpHeaders): Conditions => ({
  ifMatch: revisionOf(headers['if-match']),
  ifNoneMatch: revisionOf(headers['if-none-match']),
})

/** `"abc"`, `W/"abc"` and `abc` all stand for the revision abc. */
function revisionOf(header: string | undefined): string | null {
  if (header === undefined) return null
  const text = header.trim()
  return /^(?:W\/)?"(.*)"$/.exec(text)?.[1] ?? text
}

/** The revision that must be current for an update, patch or delete; null = any. */
export const requiredRevision = ({ ifMatch }: Conditions): string | null => (ifMatch === '*' ? null : ifMatch)

/** The operation of a PUT: create (fails when the resource exists), update (fails when it does not), or either. */
export function intentOfPut({ ifMatch, ifNoneMatch }: Conditions): 'create' | 'update' | 'upsert' {
  if (ifMatch !== null && ifNoneMatch !== null)
    throw preconditionFailed('Simultaneous use of If-Match and If-None-Match not supported for PUT requests')
  if (ifNoneMatch !== null && ifNoneMatch !== '*')
    throw badRequest(`"${ifNoneMatch}" is not a supported value for If-None-Match on PUT`)
  if (ifNoneMatch !== null) return 'create'
  return ifMatch === null ? 'upsert' : 'update'
}

/** @throws preconditionFailed for a condition that this method does not support */
export function refuseConditions(conditions: Conditions, method: string, ...names: (keyof Conditions)[]): void {
  const given = names.find((name) => conditions[name] !== null)
  const header = given === 'ifMatch' ? 'If-Match' : 'If-None-Match'
  if (given !== undefined) throw preconditionFailed(`${header} not supported for ${method} requests`)
}
