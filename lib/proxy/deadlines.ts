import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Bounded } from '../core/deadline-queue.ts'
import { DeadlineError } from '../core/http/fault.ts'
import { isReceived } from '../crest/http/message.ts'
import type { Instance } from '../remote/instance/instance.ts'

/** How many idle periods in a row a caller that does not read may hold a connection to the remote. */
const PATIENCE = 5

/** The two sides of an exchange, as far as it matters for who keeps it waiting. */
export interface Sides {
  readonly request: IncomingMessage
  readonly proxyRequest: ClientRequest
  readonly hasBody: boolean
  /** False while the answer waits for the caller to read. */
  readonly callerIsReading: () => boolean
}

/** What an exchange is told. That the remote is late, it learns from its request, which is destroyed. */
export interface Events {
  /** There was no connection in time; there is no request yet that could be aborted. */
  notConnected(): void
  /** The connection is made. */
  connected(): void
  /** The caller does not send the rest of its body, or does not read the rest of the answer. */
  callerIsSlow(): void
}

/**
 * The deadlines of one exchange, each with its own reason (docs/pitfalls.md#anonymous-timeouts): a connection of the
 * agent is free (queue), it is made (connect), the response begins after the request was sent (response), bytes move
 * (idle).
 */
export class Deadlines extends Bounded {
  readonly #instance: Instance
  readonly #events: Events
  #phase: 'queue' | 'connect' | 'response' | undefined
  #sides: Sides | undefined
  #answered = false
  #patience = PATIENCE

  constructor(instance: Instance, events: Events) {
    super()
    this.#instance = instance
    this.#events = events
  }

  /** Until the agent has a connection for us. */
  queue(): void {
    this.#answered = false
    this.#patience = PATIENCE
    this.#begin('queue')
  }

  /** The request has its connection, which may still be in the making. */
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
    // Node emits `finish` when the last byte of the request has left, so never before the connection is made.
    if (sides.hasBody) proxyRequest.once('finish', () => this.#sent())
  }

  /** The headers of the answer are here. */
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

  /** Nothing moved on the socket for as long as nothing may. */
  idle(socket: Socket): void {
    if (!this.#sides) return
    const { proxyRequest } = this.#sides
    // The agent has it back.
    if (proxyRequest.destroyed || proxyRequest.socket !== socket) return
    const side = waitsFor(this.#sides, this.#answered)
    const wait = side === 'answer' || (side === 'reader' && this.#patience-- > 0)
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
 * Bytes must move, in either direction. The listener stays as long as the connection, which serves many exchanges; Node's
 * own `proxyRequest.setTimeout` would ask only once.
 */
function watch(socket: Watched, deadlines: Deadlines, ms: number): void {
  if (!Number.isFinite(ms) || ms === 0) return
  if (!socket[WATCHER]) socket.on('timeout', tellWatcher)
  socket[WATCHER] = deadlines
  if (socket.timeout !== ms) socket.setTimeout(ms)
}

function tellWatcher(this: Watched): void {
  this[WATCHER]?.idle(this)
}

/** The event that ends the making of a connection; undefined when it is made, as one that another request left us is. */
function connecting(socket: Socket): 'connect' | 'secureConnect' | undefined {
  if ((socket as { secureConnecting?: boolean }).secureConnecting === true) return 'secureConnect'
  return socket.connecting ? 'connect' : undefined
}

/** Whom an exchange in which nothing moves waits for; a remote is not blamed for a caller. */
function waitsFor(
  { request, proxyRequest, callerIsReading }: Sides,
  answered: boolean,
): 'sender' | 'reader' | 'answer' | 'remote' {
  if (answered && !callerIsReading()) return 'reader'
  if (proxyRequest.writableFinished) return answered ? 'remote' : 'answer'
  return isReceived(request) || proxyRequest.writableNeedDrain ? 'remote' : 'sender'
}
