import type { BasicProperties } from '../properties/properties.ts'

/** What makes a request ours at the remote. Compared by identity: it stands for one grant. */
export interface Credentials {
  /** Lower-case names; set last, so that nothing of a caller's can replace them. */
  readonly headers: Readonly<Record<string, string>>
}

export const credentialsOf = (authorization: string): Credentials => ({
  headers: {
    authorization,
    // The vendor's own proxy says so; a remote takes it for a client that is no browser.
    'x-requested-with': 'RemoteIDMProxy',
    // Keeps an IDM from starting a session, and from setting a cookie, with each request.
    'x-openidm-nosession': 'true',
  },
})

/** What else a request of ours says, unless the caller says it. */
export const USER_AGENT = 'openidm-external-idm'
export const DEFAULT_API_VERSION = 'resource=1.0'

/** How one instance authenticates at its remote. */
export interface Authentication {
  /**
   * The credentials for the next request: at once, or after a token request.
   * @throws ResourceException 401, 502 or 504 when there is no token to be had
   */
  credentials(): Credentials | Promise<Credentials>
  /**
   * The remote answered 401 to these credentials.
   * @returns true when asking again with new ones makes sense
   */
  refused(credentials: Credentials): boolean
}

/**
 * `Authorization: Basic` in UTF-8 (RFC 7617); unlike at a token endpoint nothing is form-encoded
 * (docs/pitfalls.md#client-secret-encoding).
 */
export class BasicAuthentication implements Authentication {
  readonly #credentials: Credentials

  constructor({ userName, password }: Pick<BasicProperties, 'userName' | 'password'>) {
    const pair = Buffer.from(`${userName}:${password.reveal()}`, 'utf8').toString('base64')
    this.#credentials = credentialsOf(`Basic ${pair}`)
  }

  credentials(): Credentials {
    return this.#credentials
  }

  refused(): boolean {
    return false
  }
}
