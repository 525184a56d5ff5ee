import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { faultBehind } from '../core/http/fault.ts'
import type { ClientSpan } from '../core/telemetry/tracing.ts'
import { type Resend, requestSpan } from '../remote/http/request-span.ts'
import type { Instance } from '../remote/instance/instance.ts'
import type { Source } from './body.ts'

export type { Resend }

/** httpxy ignores resets by the remote once the caller's socket is gone. The exchange decides that itself. */
const CONNECTED = { writable: true } as const

/** The exchange that an attempt belongs to. */
export interface AttemptOwner {
  readonly instance: Instance
  readonly path: string
  source(): Source
  connected(attempt: Attempt, proxyRequest: ClientRequest): void
  answered(attempt: Attempt, proxyResponse: IncomingMessage): void
  failed(attempt: Attempt, error: unknown): void
}

/**
 * One request to the remote, in the shape of the request and response objects that httpxy expects. The host's own objects
 * are not used: httpxy replaces headers and adds listeners, and HTTP/2 objects lack members that it relies on.
 */
export class Attempt {
  readonly method: string | undefined
  readonly headers: IncomingHttpHeaders
  /** http-proxy-middleware parses it for the path filter, even if the filter ignores it. */
  readonly url = ''
  readonly httpVersion = '1.1'
  readonly httpVersionMajor = 1
  readonly socket = CONNECTED
  readonly headersSent = false
  readonly finished = false
  readonly writableFinished = false
  readonly exchange: AttemptOwner
  destroyed = false
  readonly #onClose: (() => void)[] = []
  readonly #begin = performance.now()
  readonly #span: ClientSpan | undefined

  /**
   * @param request of the caller
   * @param headers for the remote; a span adds its own
   * @param resend why it is not the first attempt
   */
  constructor(exchange: AttemptOwner, request: IncomingMessage, headers: IncomingHttpHeaders, resend?: Resend) {
    const { instance } = exchange
    this.exchange = exchange
    this.method = request.method
    this.headers = headers
    if (resend) instance.metrics.retried(resend)
    this.#span = requestSpan(instance, request.method, resend, request.headers)
    if (instance.properties.propagateTrace) this.#span?.inject(headers)
  }

  on(event: string, listener: () => void): this {
    if (event === 'close') this.#onClose.push(listener)
    return this
  }

  /** Called when the response is interrupted, which its `error` event reports, too. */
  destroy(): void {}

  /** Aborts the request to the remote, even while it waits for a connection. */
  abort(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.#span?.failed('aborted')
    for (const close of this.#onClose) close()
  }

  connected(proxyRequest: ClientRequest): void {
    this.exchange.connected(this, proxyRequest)
  }

  answered(proxyResponse: IncomingMessage): void {
    const { statusCode = 0 } = proxyResponse
    this.exchange.instance.metrics.answered(this.method, statusCode, this.#begin)
    this.#span?.answered(statusCode)
    this.exchange.answered(this, proxyResponse)
  }

  failed(error: unknown): void {
    this.#span?.failed(faultBehind(this.exchange.instance.properties, error))
    this.exchange.failed(this, error)
  }
}
