import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http'
import type { ResourceException } from '../crest/errors.ts'
import { sendError } from '../crest/http-response.ts'
import { isSaturated, queuedIn } from '../remote/agent.ts'
import type { Credentials } from '../remote/authentication.ts'
import { type FaultName, faultException, refusedCredentials } from '../remote/fault.ts'
import { faultBehind } from '../remote/forward-proxy.ts'
import type { Instance } from '../remote/instance.ts'
import { type Body, bodyIsLate, hasBody, type Source } from './body.ts'
import { Deadlines } from './deadlines.ts'
import { responseHeaders } from './headers.ts'
import { relayBody } from './relay-body.ts'

/** Methods that may be sent again when a connection failed under them (pitfall E3). */
const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What an exchange is made of. */
export interface ExchangeParts {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly instance: Instance
  readonly credentials: Credentials
  readonly body: Body
  /** The headers that go to the remote, without credentials. */
  readonly headers: IncomingHttpHeaders
  /** Behind the instance's base path, with the query. */
  readonly path: string
  /** `/openidm/external/idm/NAME/`. */
  readonly localBase: string
}

/** One request of a caller and its way to the remote and back, at most once more with a new token or connection. */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly instance: Instance
  readonly #parts: ExchangeParts
  readonly #deadlines: Deadlines
  readonly #callerHeaders: IncomingHttpHeaders
  readonly #send: (exchange: Exchange) => void
  #credentials: Credentials
  #proxyRequest: ClientRequest | undefined
  /** What is relayed. */
  #answer: IncomingMessage | undefined
  #newToken = false
  #newConnection = false
  #over = false

  /** @param send hands the exchange to http-proxy-middleware */
  constructor(parts: ExchangeParts, send: (exchange: Exchange) => void) {
    this.#parts = parts
    this.#send = send
    this.request = parts.request
    this.response = parts.response
    this.instance = parts.instance
    this.#credentials = parts.credentials
    this.#deadlines = new Deadlines(parts.instance, {
      // Without a queue the connection was begun, but the forward proxy has not made the tunnel.
      notConnected: () => this.#fail(this.#note(isSaturated(this.instance.agent) ? 'queue' : 'connect', undefined)),
      connected: () => this.instance.circuit.reached(),
      callerIsSlow: () => this.#fail(bodyIsLate()),
    })
    this.#callerHeaders = parts.request.headers
  }

  get path(): string {
    return this.#parts.path
  }

  source(): Source | undefined {
    return this.#parts.body.source()
  }

  start(): void {
    this.#attempt()
  }

  /** The response is over, or its caller has left. */
  closed(): void {
    // Not before its end: a remote that breaks off each answer would be well and ill in turn, and the log full of it.
    if (!this.#over && this.#answer?.complete) this.instance.health.succeeded()
    this.#end()
  }

  /** The proxyReq hook: the request has a connection and no byte of it has left. */
  connected(proxyRequest: ClientRequest): void {
    if (this.#over) {
      proxyRequest.destroy()
      return
    }
    this.#proxyRequest = proxyRequest
    this.request.headers = this.#callerHeaders
    const { headers } = this.#credentials
    for (const name in headers) proxyRequest.setHeader(name, headers[name] ?? '')
    // Without a listener Node cuts the connection of a remote that answers 101 unasked, and says so to nobody.
    proxyRequest.on('upgrade', (_answer, socket) => {
      socket.destroy()
      this.failed(new Error('the remote switched to another protocol unasked'))
    })
    const { request, response } = this
    this.#deadlines.connection({ request, response, proxyRequest, hasBody: hasBody(request) })
  }

  /** The proxyRes hook: the headers of the remote's answer are here. */
  answered(proxyResponse: IncomingMessage): void {
    this.#deadlines.answered()
    if (this.#over || this.response.headersSent) {
      proxyResponse.destroy()
      return
    }
    if (proxyResponse.statusCode === 401) this.#refused(proxyResponse)
    else if (proxyResponse.statusCode === 407 && this.instance.properties.proxy) this.#refusedByProxy(proxyResponse)
    else this.#relay(proxyResponse)
  }

  /** The exchange broke. After the first byte of the response there is nothing to say any more: it is cut. */
  failed(error: unknown): void {
    this.#deadlines.clear()
    if (this.#over) return
    if (this.response.headersSent) {
      this.#note(faultBehind(this.instance.properties, error), error)
      this.#end()
      this.response.destroy()
      return
    }
    const fault = faultBehind(this.instance.properties, error)
    if (this.#mayTryNewConnection(fault)) {
      this.#newConnection = true
      this.instance.dropIdleConnections()
      this.#attempt()
      return
    }
    this.#fail(this.#note(fault, error))
  }

  #attempt(): void {
    this.#proxyRequest = undefined
    // The proxy copies all of `request.headers`: until it has, they are only what may pass (H1, H3). Afterwards the host
    // finds the caller's there again: its access log is written when the response has ended.
    const { agent, properties } = this.instance
    if (queuedIn(agent) >= properties.maxQueuedRequests) {
      this.#fail(this.#note('queueFull', undefined))
      return
    }
    this.request.headers = this.#parts.headers
    this.#deadlines.queue()
    this.#send(this)
  }

  #relay(proxyResponse: IncomingMessage): void {
    const { response, instance } = this
    this.#answer = proxyResponse
    const headers = responseHeaders(proxyResponse, instance, this.#parts.localBase, this.path)
    if (!this.#begin(proxyResponse.statusCode ?? 502, headers)) return
    // A response of unknown length may be a slow stream: its headers do not wait for its first byte.
    if (headers['content-length'] === undefined) setImmediate(() => response.flushHeaders())
    relayBody(proxyResponse, response)
  }

  /** Node's parser lets things pass that Node does not write, such as the status 000; a hook must not throw (P7). */
  #begin(status: number, headers: OutgoingHttpHeaders): boolean {
    try {
      this.response.writeHead(status, headers)
      return true
    } catch (error) {
      for (const name of Object.keys(headers)) this.response.removeHeader(name)
      this.failed(error)
      return false
    }
  }

  /** Not the remote's answer, but that of the forward proxy on the way to an http remote. */
  #refusedByProxy(proxyResponse: IncomingMessage): void {
    proxyResponse.resume()
    this.#fail(this.#note('forwardProxyCredentials', undefined))
  }

  /** The remote refuses our credentials: once more with a new token where that can help, else the caller is told. */
  #refused(proxyResponse: IncomingMessage): void {
    const mayHelp = this.instance.authentication.refused(this.#credentials)
    const again = mayHelp && !this.#newToken && this.#parts.body.replayable
    this.#newToken = true
    proxyResponse.once('end', () => {
      if (this.#over) return
      if (again) void this.#attemptWithNewToken()
      else this.#fail(this.#refusal())
    })
    proxyResponse.resume()
  }

  async #attemptWithNewToken(): Promise<void> {
    try {
      this.#credentials = await this.instance.authentication.credentials()
      if (!this.#over) this.#attempt()
    } catch (error) {
      this.#fail(error)
    }
  }

  #refusal(): ResourceException {
    const { name, properties, health } = this.instance
    const exception = refusedCredentials(name, properties.authType)
    health.failed('authentication', exception.message, undefined)
    return exception
  }

  #mayTryNewConnection(fault: FaultName): boolean {
    const { request, instance } = this
    return (
      fault === 'reset' &&
      !this.#newConnection &&
      instance.properties.retryRequests &&
      SAFE_METHODS.has(request.method) &&
      this.#parts.body.replayable
    )
  }

  /** Notes a fault for status and log. @returns what the caller is told */
  #note(fault: FaultName, cause: unknown): ResourceException {
    const exception = faultException(this.instance.name, fault, cause)
    this.instance.health.failed(fault, exception.message, cause)
    this.instance.circuit.failed(fault)
    return exception
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#end()
    sendError(this.response, error)
    this.#proxyRequest?.destroy()
  }

  #end(): void {
    this.#over = true
    this.#deadlines.clear()
    this.request.headers = this.#callerHeaders
  }
}
