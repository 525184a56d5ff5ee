import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const queues = new WeakMap<Socket, Set<ServerResponse>>()

/**
 * Has a response close with its connection. Node 22 forgets one that waits behind another (pipelining) when the caller
 * leaves: it never closes, and the remote request behind it would never end (docs/pitfalls.md#callers-that-leave).
 */
export function closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
  // It has the connection, or had it: Node tells it. Adapters for serverless platforms have no connection at all.
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
