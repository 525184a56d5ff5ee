import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Bounded } from '../core/deadline-queue.ts'
import { DeadlineError } from '../core/http/fault.ts'
import { isReceived } from '../crest/http/message.ts'
import type { Instance } from '../remote/instance/instance.ts'

/** Max consecutive idle periods for which a caller that does not read may hold a connection to the remote. */
const MAX_IDLE_PERIODS = 5

/** The two sides of an exchange, to determine which one stalls. */
export interface Sides {
  readonly request: IncomingMessage
  readonly proxyRequest: ClientRequest
  readonly hasBody: boolean
  /** False while the response waits for the caller to read. */
  readonly callerIsReading: () => boolean
}

/** Events for the exchange. A late remote is reported as an error of its request, which is destroyed. */
export interface Events {
  /** No connection in time; there is no request yet that could be destroyed. */
  notConnected(): void
  /** The connection is established. */
  connected(): void
  /** The caller does not send the rest of its body, or does not read the rest of the response. */
  callerIsSlow(): void
}

/**
 * The deadlines of one exchange, each with its own reason (docs/pitfalls.md#anonymous-timeouts): until the agent has a
 * connection (queue), until it is established (connect), until the response begins (response), and between bytes (idle).
 */
export class Deadlines extends Bounded {
  readonly #instance: Instance
  readonly #events: Events
  #phase: 'queue' | 'connect' | 'response' | undefined
  #sides: Sides | undefined
  #answered = false
  #idlePeriodsLeft = MAX_IDLE_PERIODS

  constructor(instance: Instance, events: Events) {
    super()
    this.#instance = instance
    this.#events = events
  }

  /** Starts the deadline for a connection of the agent. */
  queue(): void {
    this.#answered = false
    this.#idlePeriodsLeft = MAX_IDLE_PERIODS
    this.#begin('queue')
  }

  /** The request has a connection, which may not be established yet. */
  connection(sides: Sides): void {
    this.clear()
    this.#sides = sides
    const { proxyRequest } = sides
    const { socket } = proxyRequest
    if (!socket) return
    const event = connecting(socket)
    if (event) {
      this.#begin('connect')
      socket.once(event, () => this.#connected(socket, sides))
    } else this.#connected(socket, sides)
    // Node emits `finish` after the last byte of the request, so never before the connection is established.
    if (sides.hasBody) proxyRequest.once('finish', () => this.#sent())
  }

  /** The response headers have arrived. */
  answered(): void {
    this.#answered = true
    this.clear()
  }

  clear(): void {
    if (this.#phase === undefined) return
    this.#queueOf(this.#phase).delete(this)
    this.#phase = undefined
  }

  override expired(): void {
    const phase = this.#phase
    this.#phase = undefined
    if (phase === 'queue') this.#events.notConnected()
    else if (phase) this.#sides?.proxyRequest.destroy(new DeadlineError(phase))
  }

  /** The socket was idle for `socketTimeout`. */
  idle(socket: Socket): void {
    if (!this.#sides) return
    const { proxyRequest } = this.#sides
    // The agent already has the connection back.
    if (proxyRequest.destroyed || proxyRequest.socket !== socket) return
    const side = stalledSide(this.#sides, this.#answered)
    const wait = side === 'answer' || (side === 'reader' && this.#idlePeriodsLeft-- > 0)
    if (wait) socket.setTimeout(this.#instance.properties.socketTimeout)
    else if (side === 'remote') proxyRequest.destroy(new DeadlineError('idle'))
    else this.#events.callerIsSlow()
  }

  #connected(socket: Socket, sides: Sides): void {
    this.clear()
    this.#events.connected()
    watch(socket, this, this.#instance.properties.socketTimeout)
    if (!sides.hasBody) this.#sent()
  }

  #sent(): void {
    if (!this.#answered) this.#begin('response')
  }

  #begin(phase: 'queue' | 'connect' | 'response'): void {
    this.clear()
    this.#phase = phase
    this.#queueOf(phase).add(this)
  }

  #queueOf(phase: 'queue' | 'connect' | 'response') {
    const { connection, response } = this.#instance.deadlines
    return phase === 'response' ? response : connection
  }
}

const WATCHER = Symbol('watcher')
type Watched = Socket & { [WATCHER]?: Deadlines }

/**
 * Bytes must move, in either direction. The listener stays for the life of the connection, which serves many exchanges.
 * Node's `proxyRequest.setTimeout` fires only once.
 */
function watch(socket: Watched, deadlines: Deadlines, ms: number): void {
  if (!Number.isFinite(ms) || ms === 0) return
  if (!socket[WATCHER]) socket.on('timeout', notifyWatcher)
  socket[WATCHER] = deadlines
  if (socket.timeout !== ms) socket.setTimeout(ms)
}

function notifyWatcher(this: Watched): void {
  this[WATCHER]?.idle(this)
}

/** The event that completes the connection; undefined for one that is established, such as a reused one. */
function connecting(socket: Socket): 'connect' | 'secureConnect' | undefined {
  if ((socket as { secureConnecting?: boolean }).secureConnecting === true) return 'secureConnect'
  return socket.connecting ? 'connect' : undefined
}

/** Which side a stalled exchange waits for: the remote is not blamed for a slow caller. */
function stalledSide(
  { request, proxyRequest, callerIsReading }: Sides,
  answered: boolean,
): 'sender' | 'reader' | 'answer' | 'remote' {
  if (answered && !callerIsReading()) return 'reader'
  if (proxyRequest.writableFinished) return answered ? 'remote' : 'answer'
  return isReceived(request) || proxyRequest.writableNeedDrain ? 'remote' : 'sender'
}
