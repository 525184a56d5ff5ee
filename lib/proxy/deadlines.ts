import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { DeadlineError } from '../remote/fault.ts'
import type { InstanceProperties } from '../remote/properties.ts'

/** How many idle periods in a row a caller that does not read may hold a connection to the remote. */
const PATIENCE = 5

/** The two sides of an exchange, as far as it matters for who keeps it waiting. */
export interface Sides {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly proxyRequest: ClientRequest
  /** Called when the connection is made. */
  readonly isConnected: () => void
  /** Called when the caller does not send the rest of its body, or does not read the rest of the answer. */
  readonly callerIsSlow: () => void
}

/**
 * The deadlines of one exchange, each with its own reason (pitfall R12): a connection of the agent is free (queue), it
 * is made (connect), the response begins after the request was sent (response), bytes move (idle).
 */
export class Deadlines {
  readonly #connect: number
  readonly #socket: number
  #timer: NodeJS.Timeout | undefined
  #answered = false

  constructor({ connectionTimeout, socketTimeout }: InstanceProperties) {
    this.#connect = connectionTimeout
    this.#socket = socketTimeout
  }

  /** Until the agent has a connection for us. There is nothing to abort yet, so the caller is told. */
  queue(expired: () => void): void {
    this.#answered = false
    this.#arm(this.#connect, expired)
  }

  /** The request has its connection, which may still be in the making. */
  connection(sides: Sides): void {
    this.clear()
    const { proxyRequest } = sides
    const { socket } = proxyRequest
    if (!socket) return
    const event = connecting(socket)
    if (event) {
      this.#arm(this.#connect, () => proxyRequest.destroy(new DeadlineError('connect')))
      socket.once(event, () => {
        this.clear()
        sides.isConnected()
        this.#watch(socket, sides)
      })
    } else {
      sides.isConnected()
      this.#watch(socket, sides)
    }
    // Node emits `finish` when the last byte of the request has left, so never before the connection is made.
    proxyRequest.once('finish', () => {
      if (!this.#answered) this.#arm(this.#socket, () => proxyRequest.destroy(new DeadlineError('response')))
    })
  }

  /** The headers of the answer are here. */
  answered(): void {
    this.#answered = true
    this.clear()
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /**
   * Bytes must move, in either direction. The listener leaves the socket before the agent gives it to another request;
   * Node's own `proxyRequest.setTimeout` would ask only once.
   */
  #watch(socket: Socket, sides: Sides): void {
    const ms = this.#socket
    if (!Number.isFinite(ms) || ms === 0) return
    let patience = PATIENCE
    const idle = () => {
      const side = waitsFor(sides, this.#answered)
      if (side === 'reader' && patience-- > 0) socket.setTimeout(ms)
      else if (side === 'answer') socket.setTimeout(ms)
      else if (side === 'remote') sides.proxyRequest.destroy(new DeadlineError('idle'))
      else sides.callerIsSlow()
    }
    socket.setTimeout(ms).on('timeout', idle)
    sides.proxyRequest.once('close', () => socket.off('timeout', idle))
  }

  #arm(ms: number, expired: () => void): void {
    this.clear()
    if (Number.isFinite(ms) && ms > 0) this.#timer = setTimeout(expired, ms)
  }
}

/** The event that ends the making of a connection; undefined when it is made, as one that another request left us is. */
function connecting(socket: Socket): 'connect' | 'secureConnect' | undefined {
  if (Reflect.get(socket, 'secureConnecting') === true) return 'secureConnect'
  return socket.connecting ? 'connect' : undefined
}

/** Whom an exchange in which nothing moves waits for; a remote is not blamed for a caller. */
function waitsFor(
  { request, response, proxyRequest }: Sides,
  answered: boolean,
): 'sender' | 'reader' | 'answer' | 'remote' {
  if (answered && response.writableNeedDrain) return 'reader'
  if (proxyRequest.writableFinished) return answered ? 'remote' : 'answer'
  return request.complete || proxyRequest.writableNeedDrain ? 'remote' : 'sender'
}
