import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http'
import type { Logger } from '../contract.ts'
import { isSaturated, queuedIn } from '../core/http/agent.ts'
import { type FaultName, faultBehind } from '../core/http/fault.ts'
import type { ResourceException } from '../crest/errors.ts'
import { cutOff, isOver } from '../crest/http/message.ts'
import { sendError } from '../crest/http/response.ts'
import type { Credentials } from '../remote/auth/authentication.ts'
import { faultException, refusedCredentials } from '../remote/http/fault.ts'
import type { Instance } from '../remote/instance/instance.ts'
import { Attempt, type Resend } from './attempt.ts'
import { type Body, bodyIsLate, drain, type Source } from './body.ts'
import type { CapturedExchange } from './captured-exchange.ts'
import { Deadlines } from './deadlines.ts'
import { responseHeaders } from './headers.ts'
import { BodyRelay } from './relay-body.ts'

/** Methods that may be repeated after a connection failure (docs/pitfalls.md#retries). */
const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS'])

export interface ExchangeParts {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly instance: Instance
  readonly credentials: Credentials
  readonly body: Body
  /** The headers for the remote, without credentials. */
  readonly headers: IncomingHttpHeaders
  /** Relative to the base path of the instance, with the query. */
  readonly path: string
  /** `/openidm/external/idm/NAME/`. */
  readonly localBase: string
  readonly log: Logger
  /** Present if a mapping captures what the request may change. */
  readonly captured?: CapturedExchange | undefined
}

/**
 * The exchange of one request with the remote: repeated at most once with a new token and once on a new connection.
 *
 * Everything here runs in listeners and timers, where a thrown error ends the process of the host. The host's objects and
 * logger may throw at any time, so each entry point goes through `#contain`.
 */
export class Exchange {
  readonly instance: Instance
  readonly #parts: ExchangeParts
  readonly #deadlines: Deadlines
  readonly #send: (attempt: Attempt) => void
  #credentials: Credentials
  #attempt: Attempt | undefined
  #source: Source | undefined
  #relay: BodyRelay | undefined
  /** The response that is relayed. */
  #answer: IncomingMessage | undefined
  #newToken = false
  #newConnection = false
  #hasBegun = false
  #over = false

  /** @param send passes an attempt to http-proxy-middleware */
  constructor(parts: ExchangeParts, send: (attempt: Attempt) => void) {
    this.#parts = parts
    this.#send = send
    this.instance = parts.instance
    this.#credentials = parts.credentials
    this.#deadlines = new Deadlines(parts.instance, {
      // Without a queue, the forward proxy has not opened the tunnel in time.
      notConnected: () =>
        this.#contain(() => this.#fail(this.#fault(isSaturated(this.instance.agent) ? 'queue' : 'connect', undefined))),
      connected: () => this.instance.circuit.reached(),
      callerIsSlow: () => this.#contain(() => this.#fail(bodyIsLate())),
    })
  }

  get path(): string {
    return this.#parts.path
  }

  /** The body for an attempt. httpxy pipes it in a listener. */
  source(): Source {
    const source = this.#parts.body.source()
    this.#source = source
    return {
      pipe: (destination) => {
        this.#contain(() => source.pipe(destination))
        return destination
      },
    }
  }

  start(resend?: Resend): void {
    this.#contain(() => this.#begin(resend))
  }

  /** The response has ended, or the caller has disconnected. */
  closed(): void {
    this.#contain(() => {
      if (this.#over) return
      // Not earlier: a remote that interrupts each response would alternate between healthy and failing.
      if (this.#answer?.complete) this.instance.health.succeeded(this.#answer.statusCode)
      this.#end()
      if (!this.#answer?.complete) this.#attempt?.abort()
      drain(this.#source)
    })
  }

  /** The proxyReq hook: the request has a connection, and nothing has been sent. */
  connected(attempt: Attempt, proxyRequest: ClientRequest): void {
    if (this.#over || attempt !== this.#attempt) {
      proxyRequest.destroy()
      return
    }
    this.#contain(() => {
      const { headers } = this.#credentials
      for (const name in headers) proxyRequest.setHeader(name, headers[name] ?? '')
      // Without a listener Node cuts the connection after an unexpected 101, without an error event.
      proxyRequest.on('upgrade', (_answer, socket) => {
        socket.destroy()
        this.failed(attempt, new Error('the remote switched to another protocol unasked'))
      })
      const { request, body } = this.#parts
      const callerIsReading = () => this.#relay?.isBlocked !== true
      this.#deadlines.connection({ request, proxyRequest, hasBody: !body.isEmpty, callerIsReading })
    })
  }

  /** The proxyRes hook: the response headers have arrived. */
  answered(attempt: Attempt, proxyResponse: IncomingMessage): void {
    if (this.#over || attempt !== this.#attempt) {
      proxyResponse.destroy()
      return
    }
    this.#contain(() => {
      this.#deadlines.answered()
      if (this.#responseHasBegun) this.#interrupted()
      else if (proxyResponse.statusCode === 401) this.#refused(proxyResponse)
      else if (proxyResponse.statusCode === 407 && this.instance.properties.proxy) this.#refusedByProxy(proxyResponse)
      else this.#relayAnswer(attempt, proxyResponse)
    })
  }

  /** The attempt failed. After the first byte of the response the connection can only be cut. */
  failed(attempt: Attempt, error: unknown): void {
    // Bytes after a complete response, such as the body of a 204, are not part of it.
    if (this.#over || attempt !== this.#attempt || this.#answer?.complete) return
    this.#contain(() => {
      this.#deadlines.clear()
      const fault = faultBehind(this.instance.properties, error)
      if (this.#responseHasBegun) {
        this.#fault(fault, error)
        this.#interrupted()
        return
      }
      if (this.#mayTryNewConnection(fault)) {
        this.#newConnection = true
        this.instance.dropIdleConnections()
        this.#begin('connection')
        return
      }
      this.#fail(this.#fault(fault, error))
    })
  }

  /** With @fastify/express, `headersSent` stays false until its own `send` is called. */
  get #responseHasBegun(): boolean {
    return this.#hasBegun || this.#parts.response.headersSent
  }

  #begin(resend?: Resend): void {
    const { agent, properties } = this.instance
    if (queuedIn(agent) >= properties.maxQueuedRequests) {
      this.#fail(this.#fault('queueFull', undefined))
      return
    }
    this.#attempt = new Attempt(this, this.#parts.request, this.#parts.headers, resend)
    this.#deadlines.queue()
    this.#send(this.#attempt)
  }

  #relayAnswer(attempt: Attempt, proxyResponse: IncomingMessage): void {
    const { response } = this.#parts
    this.#answer = proxyResponse
    const headers = responseHeaders(proxyResponse, this.#parts)
    if (!this.#writeHead(attempt, proxyResponse.statusCode ?? 502, headers)) return
    // A response of unknown length may be a slow stream: send its headers before its first byte.
    if (headers['content-length'] === undefined)
      setImmediate(() => this.#contain(() => isOver(response) || response.flushHeaders()))
    this.#parts.captured?.answered(proxyResponse)
    this.#relay = new BodyRelay(proxyResponse, response, (act) => this.#contain(act))
  }

  /** Node's parser accepts what Node does not write, such as the status 000. */
  #writeHead(attempt: Attempt, status: number, headers: OutgoingHttpHeaders): boolean {
    try {
      this.#parts.response.writeHead(status, headers)
      this.#hasBegun = true
      return true
    } catch (error) {
      for (const name of Object.keys(headers)) this.#parts.response.removeHeader(name)
      this.failed(attempt, error)
      return false
    }
  }

  /** The response of the forward proxy, not of the (http) remote. */
  #refusedByProxy(proxyResponse: IncomingMessage): void {
    proxyResponse.resume()
    this.#fail(this.#fault('forwardProxyCredentials', undefined))
  }

  /** The remote refuses the credentials: repeats the request with a new token if that can help. */
  #refused(proxyResponse: IncomingMessage): void {
    const mayHelp = this.instance.authentication.refused(this.#credentials)
    const again = mayHelp && !this.#newToken && this.#parts.body.replayable
    this.#newToken = true
    proxyResponse.once('end', () => {
      if (this.#over) return
      if (again) void this.#beginWithNewToken()
      else this.#contain(() => this.#fail(this.#refusal()))
    })
    proxyResponse.resume()
  }

  async #beginWithNewToken(): Promise<void> {
    try {
      this.#credentials = await this.instance.authentication.credentials()
      if (!this.#over) this.start('token')
    } catch (error) {
      this.#parts.captured?.unsent()
      this.#contain(() => this.#fail(error))
    }
  }

  #refusal(): ResourceException {
    const { name, properties, health } = this.instance
    const exception = refusedCredentials(name, properties.authType)
    health.failed('authentication', exception.message, undefined)
    this.#parts.captured?.refused()
    return exception
  }

  #mayTryNewConnection(fault: FaultName): boolean {
    const { request, body } = this.#parts
    return (
      fault === 'reset' &&
      !this.#newConnection &&
      this.instance.properties.retryRequests &&
      SAFE_METHODS.has(request.method) &&
      body.replayable
    )
  }

  /** Records a fault for status and log. @returns the error for the caller */
  #fault(fault: FaultName, cause: unknown): ResourceException {
    const exception = faultException(this.instance.name, fault, cause)
    this.instance.health.failed(fault, exception.message, cause)
    this.instance.circuit.failed(fault)
    this.#parts.captured?.failed(cause)
    return exception
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#end()
    sendError(this.#parts.response, error)
    this.#attempt?.abort()
  }

  /** A response that has begun cannot carry an error: cuts it off. */
  #interrupted(): void {
    this.#end()
    cutOff(this.#parts.response)
    this.#attempt?.abort()
  }

  #end(): void {
    this.#over = true
    this.#deadlines.clear()
    this.#parts.captured?.ended()
  }

  /** Runs a handler; an error that it throws ends this exchange only. */
  #contain(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#end()
      this.#parts.log.error({ err: error }, 'a proxied request failed')
      sendError(this.#parts.response, error)
      this.#attempt?.abort()
    }
  }
}
