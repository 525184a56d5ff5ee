import type { BasicProperties } from './properties.ts'

/** The headers that make a request ours at the remote. */
export interface Credentials {
  readonly authorization: string
  /** `X-OpenIDM-NoSession: true` keeps an IDM from starting a session for each request. */
  readonly noSession: boolean
}

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

/** `Authorization: Basic` in UTF-8 (RFC 7617); unlike at a token endpoint nothing is form-encoded (pitfall T3). */
export class BasicAuthentication implements Authentication {
  readonly #credentials: Credentials

  constructor({ userName, password }: Pick<BasicProperties, 'userName' | 'password'>) {
    const pair = Buffer.from(`${userName}:${password.reveal()}`, 'utf8').toString('base64')
    this.#credentials = { authorization: `Basic ${pair}`, noSession: true }
  }

  credentials(): Credentials {
    return this.#credentials
  }

  refused(): boolean {
    return false
  }
}
