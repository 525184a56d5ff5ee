import { Pool } from 'undici'
import type { JsonObject } from '../contract.ts'
import { badGateway, ResourceException } from '../crest/errors.ts'
import { isObject, parseJson } from '../util/json.ts'
import { type ConnectionSettings, tlsOptions } from './agent.ts'
import { type Authentication, type Credentials, DEFAULT_API_VERSION, USER_AGENT } from './authentication.ts'
import { faultException, faultOf } from './fault.ts'
import type { Health } from './health.ts'

/** One request to a remote from inside the gateway. */
export interface RemoteRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Behind the instance's base path, encoded, with the query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** JSON text. */
  readonly body?: string
  readonly signal?: AbortSignal | undefined
}

export interface RemoteAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** What the client needs to know of its instance. */
export interface Owner {
  readonly name: string
  readonly url: URL
  readonly authentication: Authentication
  readonly health: Health
  begin(): void
  end(): void
}

/** As for the proxy: idle connections are closed by us before the remote closes them under a request. */
const IDLE_MS = 4_000
/** Largest answer that is read into memory (pitfall B5). */
const LARGEST_ANSWER_BYTES = 256 * 1024 * 1024

/**
 * Calls to a remote from inside the gateway: scripts, reconciliation, the check. Same credentials, trust, deadlines and
 * connection limit as the proxied requests of the instance.
 */
export class RemoteClient {
  readonly #owner: Owner
  readonly #pool: Pool

  constructor(owner: Owner, settings: ConnectionSettings) {
    this.#owner = owner
    const { properties, lookup } = settings
    const limit = (ms: number) => (Number.isFinite(ms) ? ms : 0)
    this.#pool = new Pool(owner.url.origin, {
      connections: properties.maxConnections,
      keepAliveTimeout: properties.reuseConnections ? IDLE_MS : 1,
      keepAliveMaxTimeout: IDLE_MS,
      headersTimeout: limit(properties.socketTimeout),
      bodyTimeout: limit(properties.socketTimeout),
      maxResponseSize: LARGEST_ANSWER_BYTES,
      connect: {
        timeout: limit(properties.connectionTimeout),
        ...(owner.url.protocol === 'https:' ? tlsOptions(owner.url, settings) : {}),
        ...(lookup ? { lookup } : {}),
      },
    })
  }

  /**
   * Sends a request and reads its whole answer, whatever its status; once more with a new token when the remote refuses
   * the first.
   * @throws ResourceException 502, 503 or 504 when there is no answer, 401 when there is no token, and whatever aborted
   * `signal`
   */
  async request(request: RemoteRequest): Promise<RemoteAnswer> {
    this.#owner.begin()
    try {
      const answer = await this.#exchange(request)
      this.#owner.health.succeeded()
      return answer
    } catch (error) {
      request.signal?.throwIfAborted()
      throw error instanceof ResourceException ? error : this.#broken(error)
    } finally {
      this.#owner.end()
    }
  }

  /** The same, for a JSON answer. @throws ResourceException as `request`, and the remote's own error as it stands */
  async requestJson(
    request: RemoteRequest,
  ): Promise<{ status: number; headers: RemoteAnswer['headers']; json: JsonObject }> {
    const { status, headers, text } = await this.request(request)
    const json = status === 204 ? {} : this.#parse(request.path, text, status)
    if (status >= 400) throw exceptionOf(status, json)
    return { status, headers, json }
  }

  /** Requests in flight end, then the connections close. */
  retire(): void {
    void this.#pool.close().catch(() => undefined)
  }

  destroy(): void {
    void this.#pool.destroy().catch(() => undefined)
  }

  async #exchange(request: RemoteRequest): Promise<RemoteAnswer> {
    const { authentication } = this.#owner
    const credentials = await authentication.credentials()
    const answer = await this.#send(request, credentials)
    if (answer.status !== 401 || !authentication.refused(credentials)) return answer
    return this.#send(request, await authentication.credentials())
  }

  async #send({ method, path, headers, body, signal }: RemoteRequest, credentials: Credentials): Promise<RemoteAnswer> {
    const answer = await this.#pool.request({
      method,
      path: this.#owner.url.pathname + path,
      headers: {
        'accept-api-version': DEFAULT_API_VERSION,
        'user-agent': USER_AGENT,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
        ...credentials.headers,
      },
      body: body ?? null,
      signal: signal ?? null,
    })
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
  }

  #parse(path: string, text: string, status: number): JsonObject {
    try {
      const json = parseJson(text)
      if (isObject(json)) return json
    } catch {
      // Told below: a real remote answers some failures with HTML, with nothing, or with half a document.
    }
    if (status >= 400) throw new ResourceException(status, `Remote instance "${this.#owner.name}" answered ${status}`)
    const resource = path.split('?', 1)[0]
    throw badGateway(`Remote instance "${this.#owner.name}" answered ${resource} with something that is no JSON object`)
  }

  #broken(error: unknown): ResourceException {
    const exception = faultException(this.#owner.name, faultOf(error), error)
    this.#owner.health.failed(exception.message)
    return exception
  }
}

/** The remote's error as one of ours, with its words. */
function exceptionOf(status: number, { reason, message, detail }: JsonObject): ResourceException {
  return new ResourceException(status, typeof message === 'string' ? message : `The remote answered ${status}`, {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(detail === undefined || detail === null ? {} : { detail }),
  })
}
