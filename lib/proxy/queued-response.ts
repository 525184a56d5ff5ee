import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const queues = new WeakMap<Socket, Set<ServerResponse>>()

/** Before anything else: neither an error of the connection nor its end is missed. */
export function receive(request: IncomingMessage, response: ServerResponse): void {
  closeWithConnection(request, response)
  // Without a listener an `error` event ends the process of the host. `close` reports interruptions.
  request.on('error', ignore)
  response.on('error', ignore)
}

const ignore = () => undefined

/**
 * Closes a response with its connection. When a caller disconnects, Node 22 does not close responses that wait behind
 * another (pipelining), and their requests to the remote never end (docs/pitfalls.md#callers-that-leave).
 */
export function closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
  // Node closes a response that has, or had, the connection. Adapters for serverless platforms have no connection.
  if (response.socket !== null || typeof socket?.once !== 'function') return
  if (socket.destroyed) {
    response.destroy()
    return
  }
  const queue = queues.get(socket) ?? newQueue(socket)
  queue.add(response)
  response.once('close', () => queue.delete(response))
}

function newQueue(socket: Socket): Set<ServerResponse> {
  const queue = new Set<ServerResponse>()
  queues.set(socket, queue)
  socket.once('close', () => {
    for (const response of queue) {
      if (response.closed) continue
      response.destroy()
      response.emit('close')
    }
  })
  return queue
}
