import type { Awaitable } from '../../core/awaitable.ts'
import type { SecurityContext } from '../../crest/protocol/request.ts'

/** Who a caller turned out to be. */
export type Identity = SecurityContext

/** `wrong`: a password was checked, which takes long on purpose; `unknown`: none was, so that time would tell. */
export type Verdict = Identity | 'wrong' | 'unknown'

/** Knows accounts with passwords. Stores are asked in order, the first that recognises the caller wins. */
export interface PasswordStore {
  /** @throws ResourceException 429 when too many passwords are checked */
  verify(username: string, password: string): Awaitable<Verdict>
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
