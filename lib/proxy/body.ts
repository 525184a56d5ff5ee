import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { internalError, ResourceException } from '../crest/errors.ts'
import { contentTypeOf } from '../crest/http/content-type.ts'
import { hasBody } from '../crest/http/message.ts'

/** The body of a request on its way to the remote. */
export interface Body {
  /** False when it is streamed: the request cannot be sent again. */
  readonly replayable: boolean
  /** Its length in bytes if it is no longer framed as the caller framed it. */
  readonly length?: number
  /** What a body parser of the host has undone; the headers must not declare it any longer. */
  readonly undone?: readonly ('content-encoding' | 'charset')[]
  readonly isEmpty?: true
  /** What to send. */
  source(): Source
}

/** The part of a stream that httpxy uses. */
export type Source = Pick<Readable, 'pipe'>

export const bodyIsLate = (): ResourceException => new ResourceException(408, 'The request body did not arrive in time')

/** Max size of a body that is kept so that its request can be repeated with a new token. */
const MAX_KEPT_BYTES = 65_536

export interface BodyOptions {
  /** True if the request may have to be sent again. */
  readonly keep: boolean
  /** Max milliseconds without data from the caller while its body is read; 0 or Infinity = no limit. */
  readonly idleMs: number
  /** Called when a body parser of the host ran before the proxy. */
  readonly onConsumed: () => void
}

/**
 * Prepares the body. It is read only if it must be kept, and only up to the limit.
 * @returns a promise only if something must be read
 * @throws ResourceException 500 when the host has consumed the body and left nothing to send, 408 when the body does not
 * arrive in time
 */
export function bodyOf(request: IncomingMessage, { keep, idleMs, onConsumed }: BodyOptions): Body | Promise<Body> {
  if (!hasBody(request)) return NO_BODY
  if (request.readableDidRead) {
    onConsumed()
    return consumedBody(request)
  }
  // Consumed as well, but empty: a chunked body without chunks.
  if (request.readableEnded) return bytesBody(Buffer.alloc(0))
  if (!keep || Number(request.headers['content-length']) > MAX_KEPT_BYTES)
    return { replayable: false, source: () => request }
  return keepBody(request, idleMs)
}

/** Sends everything at once: cheaper than a stream for a small body. */
const wholly = (send: (destination: NodeJS.WritableStream) => unknown): Source => ({
  pipe(destination) {
    send(destination)
    return destination
  },
})

const NOTHING = wholly((destination) => destination.end())
const NO_BODY: Body = { replayable: true, isEmpty: true, source: () => NOTHING }

const bytesBody = (bytes: Buffer): Body => ({
  replayable: true,
  length: bytes.length,
  source: () => wholly((destination) => destination.end(bytes)),
})

export const CONSUMED =
  'The request body was consumed before it reached the remote proxy: mount external-idm before body parsers'

/**
 * A body parser of the host ran before the proxy (docs/pitfalls.md#body-parsers): sends the raw bytes if the host kept
 * them, else the JSON serialised again.
 */
function consumedBody(request: IncomingMessage): Body {
  const { rawBody, body } = request as { rawBody?: unknown; body?: unknown }
  if (Buffer.isBuffer(rawBody)) return parsedBody(rawBody, request)
  if (typeof rawBody === 'string') return parsedBody(Buffer.from(rawBody), request)
  if (Buffer.isBuffer(body)) return parsedBody(body, request)
  const isJson = /^application\/(?:[\w.-]+\+)?json$/.test(contentTypeOf(request.headers['content-type']).type)
  if (!isJson || body === undefined) throw internalError(CONSUMED)
  const text = typeof body === 'object' && body !== null ? JSON.stringify(body) : scalarText(body, request)
  if (holdsRounded(body)) throw internalError(ROUNDED)
  return { ...bytesBody(Buffer.from(text)), undone: ['content-encoding', 'charset'] }
}

/**
 * A string is either the body as left by a text parser, or a parsed JSON string. The length decides: JSON is longer by at
 * least two quotes. `null` may also mean that the parser has discarded the body.
 * @throws ResourceException 500 for neither
 */
function scalarText(body: unknown, { headers }: IncomingMessage): string {
  const isPlain = headers['content-encoding'] === undefined
  const isWhole = (text: string) => isPlain && Buffer.byteLength(text) === Number(headers['content-length'])
  if (typeof body === 'string' && isWhole(body)) return body
  const json = JSON.stringify(body)
  if (isWhole(json)) return json
  throw internalError(CONSUMED)
}

export const ROUNDED =
  'The request body was parsed before it reached the remote proxy, and a number in it may have lost digits: mount ' +
  'external-idm before body parsers, or keep the bytes in request.rawBody'

/** Whether a number may have lost digits, or would become null because it is not finite. */
function holdsRounded(value: unknown): boolean {
  if (typeof value === 'number')
    return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(holdsRounded)
}

/** Parsers decompress: bytes of a different length than the caller sent are not compressed any longer. */
const parsedBody = (bytes: Buffer, { headers }: IncomingMessage): Body => ({
  ...bytesBody(bytes),
  undone: Number(headers['content-length']) === bytes.length ? [] : ['content-encoding'],
})

/** The remote may answer before it has read the whole body; the unread rest would block the caller's connection. */
export function drain(source: Source | undefined): void {
  if (!(source instanceof Readable) || source.readableEnded) return
  source.unpipe()
  source.resume()
}

/** Adjusts the headers to a body that is no longer framed as the caller framed it. */
export function reframe(headers: IncomingHttpHeaders, { length, undone = [] }: Body): void {
  if (length === undefined) return
  headers['content-length'] = String(length)
  delete headers['transfer-encoding']
  if (undone.includes('content-encoding')) delete headers['content-encoding']
  if (undone.includes('charset')) headers['content-type'] = headers['content-type']?.split(';', 1)[0]
}

/** Reads up to the limit. A longer body is streamed, beginning with the part that was read. */
function keepBody(request: IncomingMessage, idleMs: number): Promise<Body> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const limited = Number.isFinite(idleMs) && idleMs > 0
    const timer = limited ? setTimeout(() => end(() => reject(bodyIsLate())), idleMs) : undefined
    // Listeners and timers: an error thrown by an object of the host would end the process.
    const contain = (act: () => void) => {
      try {
        act()
      } catch (error) {
        clearTimeout(timer)
        reject(error)
      }
    }
    const end = (settle: () => void) =>
      contain(() => {
        clearTimeout(timer)
        settle()
        request.off('data', onData).off('end', onEnd).off('close', onClose)
      })
    const onData = (chunk: Buffer) => {
      timer?.refresh()
      chunks.push(chunk)
      size += chunk.length
      if (size <= MAX_KEPT_BYTES) return
      end(() => {
        request.pause()
        resolve({ replayable: false, source: () => continued(chunks, request) })
      })
    }
    const onEnd = () => end(() => resolve(bytesBody(Buffer.concat(chunks))))
    const onClose = () => end(() => reject(new Error('the caller left before the request was complete')))
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
  // A caller that disconnects ends the exchange through the response; this only avoids an unhandled error.
  stream.on('error', () => stream.destroy())
  return stream
}
