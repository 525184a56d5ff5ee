import { createRequire } from 'node:module'
import type { Dispatcher, Pool } from 'undici'
import { ResourceException } from '../crest/errors.ts'
import { untilAborted } from '../util/abort.ts'
import { type ConnectionSettings, tlsOptions } from './agent.ts'
import { type Authentication, type Credentials, DEFAULT_API_VERSION, USER_AGENT } from './authentication.ts'
import type { Circuit } from './circuit.ts'
import { faultException, faultOf, refusedCredentials } from './fault.ts'
import { faultBehind, proxyAuthorization } from './forward-proxy.ts'
import type { Health } from './health.ts'
import type { InstanceProperties } from './properties.ts'
import { Slots } from './slots.ts'

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
  readonly circuit: Circuit
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
  readonly #properties: InstanceProperties
  readonly #pool: Dispatcher
  readonly #slots: Slots
  #busy = 0
  #retired = false

  constructor(owner: Owner, settings: ConnectionSettings) {
    this.#owner = owner
    this.#properties = settings.properties
    this.#slots = new Slots(settings.properties.maxConnections, settings.properties.maxQueuedRequests)
    this.#pool = createPool(owner.url, settings)
  }

  /**
   * Sends a request and reads its whole answer, whatever its status; once more with a new token when the remote refuses
   * the first, and once more over a new connection when a GET met one that was dead (pitfall E3).
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
    if (this.#busy === 0) void this.#pool.close().catch(() => undefined)
  }

  destroy(): void {
    void this.#pool.destroy().catch(() => undefined)
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
    const credentials = await untilAborted(authentication.credentials(), request.signal)
    const answer = await this.#attempt(request, credentials)
    if (answer.status !== 401 || !authentication.refused(credentials)) return answer
    return this.#attempt(request, await untilAborted(authentication.credentials(), request.signal))
  }

  async #attempt(request: RemoteRequest, credentials: Credentials): Promise<RemoteAnswer> {
    const { connectionTimeout, retryRequests } = this.#properties
    await this.#slots.take(connectionTimeout, request.signal)
    try {
      return await this.#send(request, credentials).catch((error: unknown) => {
        const safe = request.method === 'GET' && retryRequests && faultOf(error) === 'reset'
        if (!safe || request.signal?.aborted) throw error
        return this.#send(request, credentials)
      })
    } finally {
      this.#slots.release()
    }
  }

  async #send({ method, path, headers, body, signal }: RemoteRequest, credentials: Credentials): Promise<RemoteAnswer> {
    const answer = await this.#pool.request({
      origin: this.#owner.url.origin,
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

  #broken(error: unknown): ResourceException {
    const fault = faultBehind(this.#properties, error)
    const exception = faultException(this.#owner.name, fault, error)
    this.#owner.health.failed(fault, exception.message, error)
    this.#owner.circuit.failed(fault)
    return exception
  }
}

/** At the first call from inside: it takes 150 ms to load, and a gateway that only proxies needs it never. */
const library = () => createRequire(import.meta.url)('undici') as typeof import('undici')

function createPool(url: URL, settings: ConnectionSettings): Dispatcher {
  const { Pool, ProxyAgent } = library()
  const { properties, lookup } = settings
  const limit = (ms: number) => (Number.isFinite(ms) ? ms : 0)
  const timeout = limit(properties.connectionTimeout)
  const tls = url.protocol === 'https:' ? tlsOptions(url, settings) : {}
  const options: Pool.Options = {
    connections: properties.maxConnections,
    // 0 = a connection for each request.
    pipelining: properties.reuseConnections ? 1 : 0,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    headersTimeout: limit(properties.socketTimeout),
    bodyTimeout: limit(properties.socketTimeout),
    maxResponseSize: LARGEST_ANSWER_BYTES,
    // As the proxy; and HTTP/2 would put all requests on one connection.
    allowH2: false,
  }
  if (!properties.proxy)
    return new Pool(url.origin, { ...options, connect: { timeout, ...tls, ...(lookup ? { lookup } : {}) } })
  const token = proxyAuthorization(properties)
  return new ProxyAgent({
    ...options,
    uri: properties.proxy.proxyUri,
    ...(token === undefined ? {} : { token }),
    requestTls: tls,
    connectTimeout: timeout,
    proxyTunnel: false,
  })
}
