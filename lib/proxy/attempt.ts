import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Instance } from '../remote/instance/instance.ts'
import type { Source } from './body.ts'

/** httpxy ignores resets of the remote's connection once the caller's socket is gone; that is decided by the exchange. */
const CONNECTED = { writable: true } as const

/** The exchange that an attempt belongs to and reports to. */
export interface AttemptOwner {
  readonly instance: Instance
  readonly path: string
  source(): Source
  connected(attempt: Attempt, proxyRequest: ClientRequest): void
  answered(attempt: Attempt, proxyResponse: IncomingMessage): void
  failed(attempt: Attempt, error: unknown): void
}

/**
 * One request to the remote, in the shape of the request and response objects that httpxy works on. The host's own are
 * not handed out: httpxy replaces headers and adds listeners, and HTTP/2's objects lack members that it relies on.
 */
export class Attempt {
  readonly method: string | undefined
  readonly headers: IncomingHttpHeaders
  /** http-proxy-middleware parses it for a path filter, even for one that ignores it. */
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

  constructor(exchange: AttemptOwner, method: string | undefined, headers: IncomingHttpHeaders) {
    this.exchange = exchange
    this.method = method
    this.headers = headers
  }

  on(event: string, listener: () => void): this {
    if (event === 'close') this.#onClose.push(listener)
    return this
  }

  /** The remote's answer broke off, which its `error` event reports as well. */
  destroy(): void {}

  /** Aborts the request to the remote, also while it waits for a connection. */
  abort(): void {
    if (this.destroyed) return
    this.destroyed = true
    for (const close of this.#onClose) close()
  }

  connected(proxyRequest: ClientRequest): void {
    this.exchange.connected(this, proxyRequest)
  }

  answered(proxyResponse: IncomingMessage): void {
    this.exchange.answered(this, proxyResponse)
  }

  failed(error: unknown): void {
    this.exchange.failed(this, error)
  }
}
