import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { internalError } from '../crest/errors.ts'

/** The body of a request on its way to the remote. */
export interface Body {
  /** False when it was streamed and is gone: the request can not be sent again. */
  readonly replayable: boolean
  /** Its length in bytes when it is no longer framed as the caller framed it. */
  readonly length?: number
  /** What to send; undefined = the request itself. */
  source(): Readable | undefined
}

/** Largest body that is kept so that a request can be sent again with a new token. */
const KEPT_BYTES = 65_536

/**
 * Prepares the body. Nothing is read unless it must be kept; then as much as may be kept.
 * @param keep true when the request may have to be sent again
 * @throws ResourceException 500 when the host has consumed the body and left nothing to send
 */
export async function bodyOf(request: IncomingMessage, keep: boolean): Promise<Body> {
  if (!hasBody(request)) return NO_BODY(request)
  if (request.readableDidRead) return consumedBody(request)
  if (!keep || Number(request.headers['content-length']) > KEPT_BYTES) return STREAMED
  return keepBody(request)
}

const STREAMED: Body = { replayable: false, source: () => undefined }

/** A request that has ended can not be piped a second time, so it is followed by an empty stream. */
const NO_BODY = (request: IncomingMessage): Body => ({
  replayable: true,
  source: () => (request.readableEnded ? Readable.from([]) : undefined),
})

export function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  return length !== undefined && length !== '0'
}

const bytesBody = (bytes: Buffer): Body => ({
  replayable: true,
  length: bytes.length,
  source: () => Readable.from([bytes], { objectMode: false }),
})

/**
 * A body parser of the host ran before us (pitfall B1): the raw bytes if the host kept them, else the JSON written
 * again.
 */
function consumedBody(request: IncomingMessage): Body {
  const { rawBody, body } = request as { rawBody?: unknown; body?: unknown }
  if (Buffer.isBuffer(rawBody)) return bytesBody(rawBody)
  if (typeof rawBody === 'string') return bytesBody(Buffer.from(rawBody))
  const isJson = /^application\/([\w.-]+\+)?json\b/i.test(request.headers['content-type'] ?? '')
  if (isJson && body !== undefined) return bytesBody(Buffer.from(JSON.stringify(body)))
  throw internalError(
    'The request body was consumed before it reached the remote proxy: mount external-idm before body parsers',
  )
}

/** Reads up to the limit; a longer body goes on as a stream behind what was read. */
function keepBody(request: IncomingMessage): Promise<Body> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const settle = (body: Body) => {
      request.off('data', onData).off('end', onEnd).off('close', onClose)
      resolve(body)
    }
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size <= KEPT_BYTES) return
      request.pause()
      settle({ replayable: false, source: () => continued(chunks, request) })
    }
    const onEnd = () => settle(bytesBody(Buffer.concat(chunks)))
    const onClose = () => reject(new Error('the caller left before the request was complete'))
    request.on('data', onData).on('end', onEnd).on('close', onClose)
  })
}

function continued(chunks: readonly Buffer[], request: IncomingMessage): Readable {
  const stream = Readable.from(
    (async function* () {
      yield* chunks
      yield* request
    })(),
    { objectMode: false },
  )
  // A caller that leaves ends the exchange through the response; here it is only kept from being unhandled.
  stream.on('error', () => stream.destroy())
  return stream
}
