import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { DeadlineError } from '../remote/fault.ts'
import type { InstanceProperties } from '../remote/properties.ts'

/** How many idle periods in a row a caller that does not read may hold a connection to the remote. */
const PATIENCE = 5

/**
 * The deadlines of one exchange, each with its own reason (pitfall R12): a connection of the agent is free (queue), it
 * is made (connect), the response begins after the request was sent (response), bytes move (idle).
 */
export class Deadlines {
  readonly #connect: number
  readonly #socket: number
  #timer: NodeJS.Timeout | undefined

  constructor({ connectionTimeout, socketTimeout }: InstanceProperties) {
    this.#connect = connectionTimeout
    this.#socket = socketTimeout
  }

  /** Until the agent has a connection for us. There is nothing to abort yet, so the caller is told. */
  queue(expired: () => void): void {
    this.#arm(this.#connect, expired)
  }

  /** The request has its connection, which may still be in the making. */
  connection(proxyRequest: ClientRequest): void {
    this.clear()
    if (!proxyRequest.reusedSocket) {
      this.#arm(this.#connect, () => proxyRequest.destroy(new DeadlineError('connect')))
      const connected = proxyRequest.protocol === 'https:' ? 'secureConnect' : 'connect'
      proxyRequest.socket?.once(connected, () => this.clear())
    }
    // Node emits `finish` when the last byte of the request has left, so never before the connection is made.
    proxyRequest.once('finish', () => {
      this.#arm(this.#socket, () => proxyRequest.destroy(new DeadlineError('response')))
    })
  }

  /**
   * Bytes must move, in either direction. A remote is not blamed for a caller that does not send or does not read.
   * @param callerIsSlow called when the caller has not sent the rest of its body in time
   */
  idle(
    proxyRequest: ClientRequest,
    request: IncomingMessage,
    response: ServerResponse,
    callerIsSlow: () => void,
  ): void {
    if (!Number.isFinite(this.#socket) || this.#socket === 0) return
    let patience = PATIENCE
    proxyRequest.setTimeout(this.#socket, () => {
      if (!proxyRequest.writableFinished && !request.complete) callerIsSlow()
      else if (response.writableNeedDrain && patience-- > 0) return
      else proxyRequest.destroy(new DeadlineError('idle'))
    })
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(ms: number, expired: () => void): void {
    this.clear()
    if (Number.isFinite(ms) && ms > 0) this.#timer = setTimeout(expired, ms)
  }
}
