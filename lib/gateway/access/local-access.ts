import type { IncomingMessage, RequestListener } from 'node:http'
import type { Secret } from '../../core/secret.ts'
import { administrator } from './administrator.ts'
import { credentialsOf } from './credentials.ts'
import type { Identity } from './password-store.ts'
import type { StaticUser } from './static-user.ts'

/**
 * Access for commands of the user who owns the project. Requests of one listener, on loopback, are the administrator's
 * with the token that only this user can read (docs/operations.md#one-owner-per-project). Other credentials are not
 * accepted there, and the token is accepted nowhere else.
 */
export class LocalAccess {
  readonly #user: StaticUser
  readonly #requests = new WeakSet<IncomingMessage>()

  /** @param token the password of the administrator on this listener; random, so that guessing needs no throttle */
  constructor(token: Secret) {
    this.#user = administrator(token)
  }

  /** Wraps the request handler for the local listener. */
  listener(onRequest: RequestListener): RequestListener {
    return (request, response) => {
      this.#requests.add(request)
      onRequest(request, response)
    }
  }

  /** Whether the request arrived on the local listener. */
  covers(request: IncomingMessage): boolean {
    return this.#requests.has(request)
  }

  /** The administrator; undefined for other credentials than the token. */
  identify({ headers }: IncomingMessage): Identity | undefined {
    const credentials = credentialsOf(headers)
    if (credentials.kind !== 'password') return undefined
    const verdict = this.#user.verify(credentials.username, credentials.password)
    return typeof verdict === 'object' ? verdict : undefined
  }
}
