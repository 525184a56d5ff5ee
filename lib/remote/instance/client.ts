import { untilAborted } from '../../core/abort.ts'
import type { ConnectionSettings } from '../../core/http/connection.ts'
import { faultBehind } from '../../core/http/fault.ts'
import { HttpClient, type HttpRequest, type HttpResponse } from '../../core/http/http-client.ts'
import { ResourceException } from '../../crest/errors.ts'
import { type Authentication, type Credentials, DEFAULT_API_VERSION, USER_AGENT } from '../auth/authentication.ts'
import type { Circuit } from '../http/circuit.ts'
import { faultException, refusedCredentials } from '../http/fault.ts'
import type { Health } from '../http/health.ts'
import type { InstanceMetrics } from '../http/instance-metrics.ts'
import { type Resend, requestSpan } from '../http/request-span.ts'
import type { InstanceProperties } from '../properties/properties.ts'

/** What the client needs of its instance. */
export interface Owner {
  readonly name: string
  readonly url: URL
  readonly authentication: Authentication
  readonly health: Health
  readonly circuit: Circuit
  readonly metrics: InstanceMetrics
  begin(): void
  end(): void
}

/**
 * Requests to a remote from inside the gateway (scripts, reconciliation, the check), with the same credentials, trust,
 * deadlines and connection limit as proxied requests.
 */
export class RemoteClient {
  readonly #owner: Owner
  readonly #properties: InstanceProperties
  readonly #http: HttpClient
  #busy = 0
  #retired = false

  constructor(owner: Owner, settings: ConnectionSettings<InstanceProperties>) {
    this.#owner = owner
    this.#properties = settings.properties
    this.#http = new HttpClient(owner.url, settings)
  }

  /**
   * Sends a request and reads its response, whatever its status; repeats it with a new token after a 401.
   * @param request its path is relative to the base path of the instance, its body is JSON text
   * @param beforeSend called once, before anything is sent, which waits for it; what it throws is thrown
   * @throws ResourceException 502, 503 or 504 without a response, 401 without a token; the reason of `signal`
   */
  async request(request: HttpRequest, beforeSend?: () => Promise<void> | undefined): Promise<HttpResponse> {
    const { name, health, circuit } = this.#owner
    const leave = circuit.enter()
    this.#begin()
    try {
      const response = await this.#exchange(request, beforeSend)
      circuit.reached()
      if (response.status !== 401) health.succeeded(response.status)
      else health.failed('authentication', refusedCredentials(name, this.#properties.authType).message, undefined)
      return response
    } catch (error) {
      request.signal?.throwIfAborted()
      throw error instanceof ResourceException ? error : this.#broken(error)
    } finally {
      leave()
      this.#end()
    }
  }

  /** Requests that wait for a connection. */
  get queued(): number {
    return this.#http.queued
  }

  /** Closes the connections when the requests in flight have ended, including those that wait for a token. */
  retire(): void {
    this.#retired = true
    if (this.#busy === 0) this.#http.close()
  }

  destroy(): void {
    this.#http.destroy()
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

  async #exchange(request: HttpRequest, beforeSend?: () => Promise<void> | undefined): Promise<HttpResponse> {
    const { authentication } = this.#owner
    const given = authentication.credentials()
    const credentials = given instanceof Promise ? await untilAborted(given, request.signal) : given
    const ready = beforeSend?.()
    if (ready) await ready
    const response = await this.#send(request, credentials)
    if (response.status !== 401 || !authentication.refused(credentials)) return response
    const renewed = await untilAborted(authentication.credentials(), request.signal)
    this.#owner.metrics.retried('token')
    return this.#send(request, renewed, 'token')
  }

  async #send(request: HttpRequest, credentials: Credentials, resend?: Resend): Promise<HttpResponse> {
    const { metrics, url } = this.#owner
    const headers: Record<string, string> = {
      'accept-api-version': DEFAULT_API_VERSION,
      'user-agent': USER_AGENT,
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
      ...credentials.headers,
    }
    const span = requestSpan(this.#owner, request.method, resend)
    if (this.#properties.propagateTrace) span?.inject(headers)
    const begin = performance.now()
    const onResend = () => metrics.retried('connection')
    try {
      const response = await this.#http.request({ ...request, path: url.pathname + request.path, headers, onResend })
      metrics.answered(request.method, response.status, begin)
      span?.answered(response.status)
      return response
    } catch (error) {
      span?.failed(faultBehind(this.#properties, error))
      throw error
    }
  }

  #broken(error: unknown): ResourceException {
    const fault = faultBehind(this.#properties, error)
    const exception = faultException(this.#owner.name, fault, error)
    this.#owner.health.failed(fault, exception.message, error)
    this.#owner.circuit.failed(fault)
    return exception
  }
}
