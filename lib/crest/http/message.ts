/**
 * Access to request and response objects of a host, beyond the members that all of them have. They may be Node's for
 * HTTP/1.1, its compatibility classes for HTTP/2, or those of a framework, a middleware or an adapter for a serverless
 * platform. docs/your-own-gateway.md states the contract.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'

/** Present in the compatibility classes of `node:http2` only. */
interface OverHttp2 {
  readonly stream?: ServerHttp2Stream
}

export const isHttp2 = ({ httpVersionMajor }: IncomingMessage): boolean => httpVersionMajor >= 2

const streamOf = (message: IncomingMessage | ServerResponse): ServerHttp2Stream | undefined => {
  const { stream } = message as OverHttp2
  return typeof stream?.close === 'function' ? stream : undefined
}

/** Whether the request has a body, read or not. HTTP/2 needs no header to announce one. */
export function hasBody(request: IncomingMessage): boolean {
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined) return true
  if (headers['content-length'] !== undefined) return Number(headers['content-length']) > 0
  return isHttp2(request) && streamOf(request)?.endAfterHeaders === false
}

/**
 * Whether a request asks for a WebSocket. Any other `Upgrade` is an offer that can be ignored (RFC 9110, section 7.8):
 * Java's HttpClient offers `h2c` and Apache HttpClient `TLS/1.2` with every request.
 */
export const asksForWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade !== undefined && /(?:^|,)\s*websocket\s*(?:[,/]|$)/i.test(headers.upgrade)

/** Whether all of the request has arrived. */
export const isReceived = (request: IncomingMessage): boolean => request.complete || request.readableEnded

/** Whether no answer can be sent: the caller has disconnected, or another handler of the host has answered. */
export function isOver(response: ServerResponse): boolean {
  return response.writableEnded || response.destroyed || response.closed || streamOf(response)?.destroyed === true
}

/** Aborts a response that has begun, so that no caller can take it for complete. Never throws. */
export function cutOff(response: ServerResponse): void {
  try {
    const stream = streamOf(response)
    if (stream) {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      return
    }
    const { socket } = response
    response.destroy()
    // Adapters for serverless platforms have no connection whose end would emit these events.
    if (socket && !(socket instanceof Duplex)) {
      if (response.listenerCount('error') > 0) response.emit('error', new Error('the response was cut off'))
      response.emit('close')
    }
  } catch {
    // The host may have replaced the object; nothing else can be done.
  }
}

/** The address of the peer; undefined in adapters for serverless platforms. */
export function peerAddress({
  socket,
}: {
  readonly socket?: { readonly remoteAddress?: unknown }
}): string | undefined {
  return typeof socket?.remoteAddress === 'string' ? socket.remoteAddress : undefined
}

export function isEncrypted({ socket }: { readonly socket?: object }): boolean {
  return (socket as { readonly encrypted?: unknown } | undefined)?.encrypted === true
}

/** The host name and port in the request; HTTP/2 has a separate field for it. */
export function authorityOf({ headers }: IncomingMessage): string | undefined {
  const authority = headers.host ?? headers[':authority']
  return typeof authority === 'string' ? authority : undefined
}
