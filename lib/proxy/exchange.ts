import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http'
import { Readable } from 'node:stream'
import type { Logger } from '../contract.ts'
import { isSaturated, queuedIn } from '../core/http/agent.ts'
import { type FaultName, faultBehind } from '../core/http/fault.ts'
import type { ResourceException } from '../crest/errors.ts'
import { cutOff, isOver } from '../crest/http/message.ts'
import { sendError } from '../crest/http/response.ts'
import type { Credentials } from '../remote/auth/authentication.ts'
import { faultException, refusedCredentials } from '../remote/http/fault.ts'
import type { Instance } from '../remote/instance/instance.ts'
import { Attempt } from './attempt.ts'
import { type Body, bodyIsLate, type Source } from './body.ts'
import { Deadlines } from './deadlines.ts'
import { responseHeaders } from './headers.ts'
import { BodyRelay } from './relay-body.ts'

/** Methods that may be sent again when a connection failed under them (docs/pitfalls.md#retries). */
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
  readonly log: Logger
}

/**
 * One request of a caller and its way to the remote and back, at most once more with a new token or connection.
 *
 * Everything in here runs in listeners and timers, where an error that is thrown ends the process of the host. Objects
 * of the host and its logger may throw at any time, so whatever enters an exchange goes through `#contain`.
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
  /** What is relayed. */
  #answer: IncomingMessage | undefined
  #newToken = false
  #newConnection = false
  #hasBegun = false
  #over = false

  /** @param send hands an attempt to http-proxy-middleware */
  constructor(parts: ExchangeParts, send: (attempt: Attempt) => void) {
    this.#parts = parts
    this.#send = send
    this.instance = parts.instance
    this.#credentials = parts.credentials
    this.#deadlines = new Deadlines(parts.instance, {
      // Without a queue the connection was begun, but the forward proxy has not made the tunnel.
      notConnected: () =>
        this.#contain(() => this.#fail(this.#note(isSaturated(this.instance.agent) ? 'queue' : 'connect', undefined))),
      connected: () => this.instance.circuit.reached(),
      callerIsSlow: () => this.#contain(() => this.#fail(bodyIsLate())),
    })
  }

  get path(): string {
    return this.#parts.path
  }

  /** The body for an attempt: it is piped in a listener of httpxy. */
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

  start(): void {
    this.#contain(() => this.#begin())
  }

  /** The response is over, or its caller has left. */
  closed(): void {
    this.#contain(() => {
      if (this.#over) return
      // Not before its end: a remote that breaks off each answer would be well and ill in turn, and the log full of it.
      if (this.#answer?.complete) this.instance.health.succeeded()
      this.#end()
      if (!this.#answer?.complete) this.#attempt?.abort()
      this.#drain()
    })
  }

  /** The remote may answer before it has read the whole body; unread, the rest would hold up the caller's connection. */
  #drain(): void {
    const source = this.#source
    if (!(source instanceof Readable) || source.readableEnded) return
    source.unpipe()
    source.resume()
  }

  /** The proxyReq hook: the request has a connection and no byte of it has left. */
  connected(attempt: Attempt, proxyRequest: ClientRequest): void {
    if (this.#over || attempt !== this.#attempt) {
      proxyRequest.destroy()
      return
    }
    this.#contain(() => {
      const { headers } = this.#credentials
      for (const name in headers) proxyRequest.setHeader(name, headers[name] ?? '')
      // Without a listener Node cuts the connection of a remote that answers 101 unasked, without an error event.
      proxyRequest.on('upgrade', (_answer, socket) => {
        socket.destroy()
        this.failed(attempt, new Error('the remote switched to another protocol unasked'))
      })
      const { request, body } = this.#parts
      const callerIsReading = () => this.#relay?.isBlocked !== true
      this.#deadlines.connection({ request, proxyRequest, hasBody: !body.isEmpty, callerIsReading })
    })
  }

  /** The proxyRes hook: the headers of the remote's answer are here. */
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

  /** The attempt broke. After the first byte of the response there is nothing to say any more: it is cut. */
  failed(attempt: Attempt, error: unknown): void {
    if (this.#over || attempt !== this.#attempt) return
    // Bytes behind a complete response, such as the body of a 204, are not part of it.
    if (this.#answer?.complete) return
    this.#contain(() => {
      this.#deadlines.clear()
      const fault = faultBehind(this.instance.properties, error)
      if (this.#responseHasBegun) {
        this.#note(fault, error)
        this.#interrupted()
        return
      }
      if (this.#mayTryNewConnection(fault)) {
        this.#newConnection = true
        this.instance.dropIdleConnections()
        this.#begin()
        return
      }
      this.#fail(this.#note(fault, error))
    })
  }

  /** @fastify/express has `headersSent` say that nothing was sent until its own `send` is called. */
  get #responseHasBegun(): boolean {
    return this.#hasBegun || this.#parts.response.headersSent
  }

  #begin(): void {
    const { agent, properties } = this.instance
    if (queuedIn(agent) >= properties.maxQueuedRequests) {
      this.#fail(this.#note('queueFull', undefined))
      return
    }
    this.#attempt = new Attempt(this, this.#parts.request.method, this.#parts.headers)
    this.#deadlines.queue()
    this.#send(this.#attempt)
  }

  #relayAnswer(attempt: Attempt, proxyResponse: IncomingMessage): void {
    const { response } = this.#parts
    this.#answer = proxyResponse
    const headers = responseHeaders(proxyResponse, this.#parts)
    if (!this.#writeHead(attempt, proxyResponse.statusCode ?? 502, headers)) return
    // A response of unknown length may be a slow stream: its headers do not wait for its first byte.
    if (headers['content-length'] === undefined)
      setImmediate(() => this.#contain(() => isOver(response) || response.flushHeaders()))
    this.#relay = new BodyRelay(proxyResponse, response, (act) => this.#contain(act))
  }

  /** Node's parser lets things pass that Node does not write, such as the status 000. */
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
      if (again) void this.#beginWithNewToken()
      else this.#contain(() => this.#fail(this.#refusal()))
    })
    proxyResponse.resume()
  }

  async #beginWithNewToken(): Promise<void> {
    try {
      this.#credentials = await this.instance.authentication.credentials()
      if (!this.#over) this.start()
    } catch (error) {
      this.#contain(() => this.#fail(error))
    }
  }

  #refusal(): ResourceException {
    const { name, properties, health } = this.instance
    const exception = refusedCredentials(name, properties.authType)
    health.failed('authentication', exception.message, undefined)
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
    sendError(this.#parts.response, error)
    this.#attempt?.abort()
  }

  /** A response that has begun cannot say any more what went wrong. */
  #interrupted(): void {
    this.#end()
    cutOff(this.#parts.response)
    this.#attempt?.abort()
  }

  #end(): void {
    this.#over = true
    this.#deadlines.clear()
  }

  /** Runs what an event asks for; an error that it throws ends this exchange and nothing else. */
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
