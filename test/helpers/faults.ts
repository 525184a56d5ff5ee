import type { Behaviour } from './behaviours.ts'
import { pattern } from './pattern.ts'

/** Takes the request and never answers. */
export const silence = (): Behaviour => () => undefined

/** Never reads the body of the request and never answers: the sender's buffers fill up. Nor does it notice that the sender left. */
export const deafness =
  (): Behaviour =>
  ({ incoming }) =>
    incoming.pause()

/** Resets the connection when the request came in, before a byte of the answer. */
export const resetBeforeHeaders = (): Behaviour => async (exchange) => {
  await exchange.request.received
  exchange.reset()
}

/** Resets the connection behind the headers of a 200 answer. */
export const resetAfterHeaders = (): Behaviour => resetMidBody(0)

/** Resets the connection when `bytes` of a declared body ten times as long (at least 10) were handed over. */
export const resetMidBody =
  (bytes = 1000): Behaviour =>
  ({ response, reset }) => {
    response.writeHead(200, { 'content-length': Math.max(10, bytes * 10) })
    response.flushHeaders()
    response.write(pattern(bytes), () => setImmediate(reset))
  }

/** Ends the connection politely when half of the declared body was sent. */
export const cutShort =
  (bytes = 1000): Behaviour =>
  ({ response }) => {
    response.writeHead(200, { 'content-length': bytes * 2, connection: 'close' })
    response.write(pattern(bytes), () => response.socket?.end())
  }

/** Sends exactly these bytes in place of an HTTP answer and ends the connection unless `open`. */
export const rawAnswer =
  (bytes: string | Buffer, { open = false } = {}): Behaviour =>
  async ({ request, response }) => {
    await request.received
    response.socket?.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    if (!open) response.socket?.end()
  }

/** Answers with something that is not HTTP. */
export const garbage = (): Behaviour => rawAnswer('\x00\x01\x02 this is not HTTP\r\n\r\n')
