import type { Awaitable } from '../../core/awaitable.ts'
import type { SecurityContext } from '../../crest/protocol/request.ts'

/** The identity of an authenticated caller. */
export type Identity = SecurityContext

/**
 * `wrong`: the password was checked, which is slow by design; `unknown`: nothing was checked, which the response time
 * would reveal.
 */
export type Verdict = Identity | 'wrong' | 'unknown'

/** Accounts with passwords. Stores are tried in order; the first that recognises the caller wins. */
export interface PasswordStore {
  /** @throws ResourceException 429 when too many passwords are being checked */
  verify(username: string, password: string): Awaitable<Verdict>
}

export interface IdentityOptions {
  /** The name that the caller signed in with. */
  readonly authenticationId: string
  /** Its id below `component`. */
  readonly id: string
  /** The collection of the account, such as `managed/user`. */
  readonly component: string
  readonly roles: readonly string[]
  /** The authentication module that recognised the caller. */
  readonly moduleId?: string
}

export const identity = ({ authenticationId, moduleId, ...authorization }: IdentityOptions): Identity => ({
  authenticationId,
  authorization: {
    id: authorization.id,
    component: authorization.component,
    roles: [...authorization.roles],
    ...(moduleId !== undefined && { moduleId, authenticationId }),
  },
})
