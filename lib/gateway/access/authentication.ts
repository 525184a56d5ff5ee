import type { IncomingMessage } from 'node:http'
import { type Awaitable, after } from '../../core/awaitable.ts'
import { forbidden, unauthorized } from '../../crest/errors.ts'
import type { Operation } from '../../crest/http/effective-request.ts'
import { credentialsOf, headerText } from './credentials.ts'
import { checkUnknown } from './login-check.ts'
import type { LoginThrottle } from './login-throttle.ts'
import type { Identity, PasswordStore, Verdict } from './password-store.ts'
import type { RsFilter } from './rs-filter.ts'

export interface AuthenticationOptions {
  /** The stores there are now, asked in this order; the first that recognises the caller wins. */
  readonly stores: () => readonly PasswordStore[]
  readonly throttle: LoginThrottle
  /** The filter for bearer tokens as it is now; undefined while there is none. */
  readonly rsFilter: () => RsFilter | undefined
}

/**
 * Finds out who is calling. IDM allows `rsFilter` only by itself; here it may stand beside the accounts with passwords.
 */
export class Authentication {
  readonly #options: AuthenticationOptions

  constructor(options: AuthenticationOptions) {
    this.#options = options
  }

  /**
   * @param operations what the request wants to do, for the guard against cross-site requests
   * @throws ResourceException 401 when the caller proves to be nobody, 403 when a token is good but stands for nobody
   *   here, or when a browser may have been made to send the request, 429 when too many logins
   *   fail or wait for their check
   */
  identify(request: IncomingMessage, operations: readonly Operation[]): Awaitable<Identity> {
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
   * Checks whether `X-OpenIDM-Reauth-Password` holds the caller's password.
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
    return after(firstThatKnows(this.#options.stores(), 0, username, password), (verdict) => {
      if (typeof verdict === 'object') return verdict
      return verdict === 'wrong' ? undefined : checkUnknown(password).then(() => undefined)
    })
  }
}

function firstThatKnows(
  stores: readonly PasswordStore[],
  index: number,
  username: string,
  password: string,
): Awaitable<Verdict> {
  const store = stores[index]
  if (!store) return 'unknown'
  return after(store.verify(username, password), (verdict) => {
    if (typeof verdict === 'object') return verdict
    const others = firstThatKnows(stores, index + 1, username, password)
    return after(others, (other) => (other === 'unknown' ? verdict : other))
  })
}

function found(identity: Identity | undefined): Identity {
  if (identity) return identity
  throw unauthorized('Access Denied')
}

/**
 * A browser adds cookies by itself; only a script of our own origin adds `X-Requested-With`
 * (docs/pitfalls.md#open-router).
 */
function checkNotCrossSite({ headers }: IncomingMessage, operations: readonly Operation[]): void {
  const onlyReads = operations.every(({ method }) => method === 'read')
  if (onlyReads || headers.cookie === undefined || headers['x-requested-with'] !== undefined) return
  throw forbidden('A request with a cookie and without credentials needs the header X-Requested-With')
}
