import type { IncomingMessage } from 'node:http'
import { forbidden, unauthorized } from '../crest/errors.ts'
import { credentialsOf } from './identity/credentials.ts'
import type { LoginThrottle } from './identity/login-throttle.ts'
import type { Identity, PasswordStore } from './identity/password-store.ts'
import type { RsFilter } from './identity/rs-filter.ts'
import type { Permission } from './permission.ts'

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
   * @param permissions what the request wants to do, for the guard against cross-site requests
   * @throws ResourceException 401 when the caller proves to be nobody, 403 when a token is good but stands for nobody
   *   here, or when a browser may have been made to send the request
   */
  async identify(request: IncomingMessage, permissions: readonly Permission[]): Promise<Identity> {
    const credentials = credentialsOf(request.headers)
    const rsFilter = this.#options.rsFilter()
    if (credentials.kind === 'password') {
      return found(await this.#signIn(request, credentials.username, credentials.password))
    }
    if (credentials.kind === 'bearer') return found(await rsFilter?.authenticate(credentials.token))
    checkNotCrossSite(request, permissions)
    return found(rsFilter?.anonymous())
  }

  #signIn(request: IncomingMessage, username: string, password: string): Promise<Identity | undefined> {
    const address = request.socket.remoteAddress ?? ''
    return this.#options.throttle.attempt(username, address, () => this.#verify(username, password))
  }

  async #verify(username: string, password: string): Promise<Identity | undefined> {
    for (const store of this.#options.stores()) {
      const identity = await store.verify(username, password)
      if (identity) return identity
    }
    return undefined
  }
}

function found(identity: Identity | undefined): Identity {
  if (identity) return identity
  throw unauthorized('Access Denied')
}

/** A browser adds cookies by itself; only a script of our own origin adds `X-Requested-With` (pitfall H11). */
function checkNotCrossSite({ headers }: IncomingMessage, permissions: readonly Permission[]): void {
  const onlyReads = permissions.every(({ method }) => method === 'read')
  if (onlyReads || headers.cookie === undefined || headers['x-requested-with'] !== undefined) return
  throw forbidden('A request with a cookie and without credentials needs the header X-Requested-With')
}
