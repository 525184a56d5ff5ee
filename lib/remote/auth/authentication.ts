import type { BasicProperties } from '../properties/properties.ts'

/** The headers that authenticate a request at the remote. Compared by identity: each object represents one grant. */
export interface Credentials {
  /** Lower-case names. Set last, so that no header of a caller replaces them. */
  readonly headers: Readonly<Record<string, string>>
}

export const credentialsOf = (authorization: string): Credentials => ({
  headers: {
    authorization,
    // As the vendor's own proxy. It marks the client as something other than a browser.
    'x-requested-with': 'RemoteIDMProxy',
    // Without it IDM starts a session and sets a cookie for each request.
    'x-openidm-nosession': 'true',
  },
})

/** Default headers of requests to a remote. */
export const USER_AGENT = 'openidm-external-idm'
export const DEFAULT_API_VERSION = 'resource=1.0'

/** How one instance authenticates at its remote. */
export interface Authentication {
  /**
   * The credentials for the next request: at once, or after a token request.
   * @throws ResourceException 401, 502 or 504 when no token can be obtained
   */
  credentials(): Credentials | Promise<Credentials>
  /**
   * Reports that the remote answered 401 to these credentials.
   * @returns true when a retry with new credentials makes sense
   */
  refused(credentials: Credentials): boolean
}

/**
 * `Authorization: Basic` in UTF-8 (RFC 7617). Unlike at a token endpoint, nothing is form-encoded
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
