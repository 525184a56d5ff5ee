import type { SecurityContext } from '../../crest/request.ts'
import type { Awaitable } from '../../util/awaitable.ts'

/** Who a caller turned out to be. */
export type Identity = SecurityContext

/**
 * Knows accounts with passwords. Stores are asked in order, the first that recognises the caller wins. A store takes
 * about as long for an account that it does not know as for a wrong password.
 */
export interface PasswordStore {
  /** The caller; undefined when the account is unknown, inactive, or the password is wrong. */
  verify(username: string, password: string): Awaitable<Identity | undefined>
}

export interface IdentityParts {
  /** What the caller signed in as. */
  readonly authenticationId: string
  /** Its id below `component`. */
  readonly id: string
  /** The collection that it belongs to, such as `managed/user`. */
  readonly component: string
  readonly roles: readonly string[]
  /** Which way of signing in recognised it. */
  readonly moduleId?: string
}

export const identity = ({ authenticationId, moduleId, ...authorization }: IdentityParts): Identity => ({
  authenticationId,
  authorization: {
    id: authorization.id,
    component: authorization.component,
    roles: [...authorization.roles],
    ...(moduleId !== undefined && { moduleId, authenticationId }),
  },
})
