import type { IncomingMessage } from 'node:http'
import { type Awaitable, after } from '../../core/awaitable.ts'
import { forbidden, unauthorized } from '../../crest/errors.ts'
import type { Operation } from '../../crest/http/effective-request.ts'
import { credentialsOf, headerText } from './credentials.ts'
import type { LocalAccess } from './local-access.ts'
import { checkUnknown } from './login-check.ts'
import type { LoginThrottle } from './login-throttle.ts'
import type { Identity, PasswordStore, Verdict } from './password-store.ts'
import type { RsFilter } from './rs-filter.ts'

export interface AuthenticationOptions {
  /** The current stores, in order; the first that recognises the caller wins. */
  readonly stores: () => readonly PasswordStore[]
  readonly throttle: LoginThrottle
  /** The current filter for bearer tokens; undefined if none is configured. */
  readonly rsFilter: () => RsFilter | undefined
  /** Judges the requests of the local listener. */
  readonly local?: LocalAccess | undefined
}

/** Authenticates callers. IDM permits `rsFilter` only on its own; here it can be combined with passwords. */
export class Authentication {
  readonly #options: AuthenticationOptions

  constructor(options: AuthenticationOptions) {
    this.#options = options
  }

  /**
   * @param operations of the request, for the CSRF check
   * @throws ResourceException 401 for invalid credentials; 403 when a valid token has no user here, or a browser may
   * have been tricked into sending the request; 429 when too many logins fail or await their check
   */
  identify(request: IncomingMessage, operations: readonly Operation[]): Awaitable<Identity> {
    const { local } = this.#options
    if (local?.covers(request)) return found(local.identify(request))
    const credentials = credentialsOf(request.headers)
    const rsFilter = this.#options.rsFilter()
    if (credentials.kind === 'password') {
      return after(this.#signIn(request, credentials.username, credentials.password), found)
    }
    if (credentials.kind === 'bearer') return after(rsFilter?.authenticate(credentials.token), found)
    checkNotCrossSite(request, operations)
    return found(rsFilter?.anonymous())
  }

  /**
   * Checks the caller's password in `X-OpenIDM-Reauth-Password`.
   * @returns undefined without that header
   */
  reauthentication(request: IncomingMessage, identity: Identity): (() => Promise<boolean>) | undefined {
    const header = request.headers['x-openidm-reauth-password']
    if (header === undefined || header === '') return undefined
    const { authenticationId, authorization } = identity
    return async () => {
      const found = await this.#signIn(request, authenticationId, headerText(header))
      return found?.authorization.id === authorization.id && found.authorization.component === authorization.component
    }
  }

  #signIn(request: IncomingMessage, username: string, password: string): Awaitable<Identity | undefined> {
    const address = request.socket.remoteAddress ?? ''
    return this.#options.throttle.attempt(username, address, () => this.#verify(username, password))
  }

  #verify(username: string, password: string): Awaitable<Identity | undefined> {
    return after(firstMatch(this.#options.stores(), 0, username, password), (verdict) => {
      if (typeof verdict === 'object') return verdict
      return verdict === 'wrong' ? undefined : checkUnknown(password).then(() => undefined)
    })
  }
}

function firstMatch(
  stores: readonly PasswordStore[],
  index: number,
  username: string,
  password: string,
): Awaitable<Verdict> {
  const store = stores[index]
  if (!store) return 'unknown'
  return after(store.verify(username, password), (verdict) => {
    if (typeof verdict === 'object') return verdict
    const others = firstMatch(stores, index + 1, username, password)
    return after(others, (other) => (other === 'unknown' ? verdict : other))
  })
}

function found(identity: Identity | undefined): Identity {
  if (identity) return identity
  throw unauthorized('Access Denied')
}

/**
 * Browsers add cookies automatically; only scripts of the same origin can add `X-Requested-With`
 * (docs/pitfalls.md#open-router).
 */
function checkNotCrossSite({ headers }: IncomingMessage, operations: readonly Operation[]): void {
  const onlyReads = operations.every(({ method }) => method === 'read')
  if (onlyReads || headers.cookie === undefined || headers['x-requested-with'] !== undefined) return
  throw forbidden('A request with a cookie and without credentials requires the header X-Requested-With')
}
