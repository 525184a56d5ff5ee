import { untilAborted } from '../../core/abort.ts'
import { ResourceException } from '../../crest/errors.ts'
import { type Authentication, type Credentials, DEFAULT_API_VERSION, USER_AGENT } from '../auth/authentication.ts'
import type { ConnectionSettings } from '../http/agent.ts'
import type { Circuit } from '../http/circuit.ts'
import { faultException, faultOf, refusedCredentials } from '../http/fault.ts'
import { faultBehind } from '../http/forward-proxy.ts'
import type { Health } from '../http/health.ts'
import { HttpPool, type RemoteAnswer } from '../http/http-pool.ts'
import { Slots } from '../http/slots.ts'
import type { InstanceProperties } from '../properties/properties.ts'

/** One request to a remote from inside the gateway. */
export interface RemoteRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Behind the instance's base path, encoded, with the query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** JSON text. */
  readonly body?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** What the client needs to know of its instance. */
export interface Owner {
  readonly name: string
  readonly url: URL
  readonly authentication: Authentication
  readonly health: Health
  readonly circuit: Circuit
  begin(): void
  end(): void
}

/**
 * Calls to a remote from inside the gateway: scripts, reconciliation, the check. Same credentials, trust, deadlines and
 * connection limit as the proxied requests of the instance.
 */
export class RemoteClient {
  readonly #owner: Owner
  readonly #properties: InstanceProperties
  readonly #pool: HttpPool
  readonly #slots: Slots
  #busy = 0
  #retired = false

  constructor(owner: Owner, settings: ConnectionSettings) {
    this.#owner = owner
    this.#properties = settings.properties
    this.#slots = new Slots(settings.properties.maxConnections, settings.properties.maxQueuedRequests)
    this.#pool = new HttpPool(owner.url, settings)
  }

  /**
   * Sends a request and reads its whole answer, whatever its status; once more with a new token when the remote refuses
   * the first, and once more over a new connection when a GET met one that was dead (docs/pitfalls.md#retries).
   * @throws ResourceException 502, 503 or 504 when there is no answer, 401 when there is no token, and whatever aborted
   * `signal`
   */
  async request(request: RemoteRequest): Promise<RemoteAnswer> {
    const { name, health, circuit } = this.#owner
    const leave = circuit.enter()
    this.#begin()
    try {
      const answer = await this.#exchange(request)
      circuit.reached()
      if (answer.status !== 401) health.succeeded()
      else health.failed('authentication', refusedCredentials(name, this.#properties.authType).message, undefined)
      return answer
    } catch (error) {
      request.signal?.throwIfAborted()
      throw error instanceof ResourceException ? error : this.#broken(error)
    } finally {
      leave()
      this.#end()
    }
  }

  /** Requests in flight end, those included that still wait for a token; then the connections close. */
  retire(): void {
    this.#retired = true
    if (this.#busy === 0) this.#pool.close()
  }

  destroy(): void {
    this.#pool.destroy()
  }

  #begin(): void {
    this.#owner.begin()
    this.#busy++
  }

  #end(): void {
    this.#busy--
    if (this.#retired) this.retire()
    this.#owner.end()
  }

  async #exchange(request: RemoteRequest): Promise<RemoteAnswer> {
    const { authentication } = this.#owner
    const given = authentication.credentials()
    const credentials = given instanceof Promise ? await untilAborted(given, request.signal) : given
    const answer = await this.#attempt(request, credentials)
    if (answer.status !== 401 || !authentication.refused(credentials)) return answer
    return this.#attempt(request, await untilAborted(authentication.credentials(), request.signal))
  }

  async #attempt(request: RemoteRequest, credentials: Credentials): Promise<RemoteAnswer> {
    const { connectionTimeout, retryRequests } = this.#properties
    const queued = this.#slots.take(connectionTimeout, request.signal)
    if (queued) await queued
    try {
      return await this.#send(request, credentials)
    } catch (error) {
      const safe = request.method === 'GET' && retryRequests && faultOf(error) === 'reset'
      if (!safe || request.signal?.aborted) throw error
      return await this.#send(request, credentials)
    } finally {
      this.#slots.release()
    }
  }

  #send({ method, path, headers, body, signal }: RemoteRequest, credentials: Credentials): Promise<RemoteAnswer> {
    const { origin, pathname } = this.#owner.url
    const options = {
      origin,
      method,
      path: pathname + path,
      headers: {
        'accept-api-version': DEFAULT_API_VERSION,
        'user-agent': USER_AGENT,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
        ...credentials.headers,
      },
      body: body ?? null,
    }
    return this.#pool.request(options, signal)
  }

  #broken(error: unknown): ResourceException {
    const fault = faultBehind(this.#properties, error)
    const exception = faultException(this.#owner.name, fault, error)
    this.#owner.health.failed(fault, exception.message, error)
    this.#owner.circuit.failed(fault)
    return exception
  }
}
