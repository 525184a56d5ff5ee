import type { IncomingMessage } from 'node:http'
import type { Json } from '../../contract.ts'
import { checkNesting, parseJson } from '../../core/json.ts'
import { utf8Text } from '../../core/utf8.ts'
import { badRequest, internalError, payloadTooLarge, unsupportedMediaType } from '../errors.ts'
import { contentTypeOf, isUtf8 } from './content-type.ts'
import { hasBody } from './message.ts'
import { multipartJson } from './multipart.ts'

/** A request of a host, whose middleware may have read the body already. */
type HostRequest = IncomingMessage & { readonly body?: unknown; readonly rawBody?: unknown }

/**
 * The JSON body of a request; undefined when there is none.
 * @throws unsupportedMediaType for anything but JSON in UTF-8, payloadTooLarge, or badRequest when it cannot be parsed
 */
export async function readJsonBody(request: HostRequest, maxBytes: number): Promise<Json | undefined> {
  if (!hasBody(request)) return undefined
  const isRead = request.readableDidRead
  const kept = isRead ? hostBody(request) : await readBytes(request, maxBytes)
  const type = request.headers['content-type'] ?? ''
  if (!isRead && Buffer.isBuffer(kept) && contentTypeOf(type).type === 'multipart/form-data')
    return multipartJson(kept, type, parseBytes)
  const text = typeof kept === 'string' ? kept : utf8Text(kept)
  if (text?.trim() === '') return undefined
  checkContentType(request)
  return parse(text)
}

function parseBytes(bytes: Buffer): Json {
  return parse(utf8Text(bytes))
}

/** @param text undefined = bytes that are not UTF-8 */
function parse(text: string | undefined): Json {
  if (text === undefined) throw invalid('it is not UTF-8')
  try {
    return parseJson(text)
  } catch (error) {
    throw invalid(error instanceof SyntaxError ? faultOf(error) : (error as RangeError).message)
  }
}

function guardNesting(value: unknown): void {
  try {
    checkNesting(value)
  } catch (error) {
    throw invalid((error as RangeError).message)
  }
}

const invalid = (fault: string) =>
  badRequest(`The request could not be processed because the provided content is not valid JSON: ${fault}`)

function checkContentType(request: IncomingMessage): void {
  const header = request.headers['content-type'] ?? ''
  const contentType = contentTypeOf(header)
  if (contentType.type !== 'application/json' || !isUtf8(contentType))
    throw unsupportedMediaType(`The content type is '${header}' where only 'application/json' (in UTF-8) is supported`)
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') throw unsupportedMediaType(`The content encoding '${encoding}' is not supported`)
}

/** Removes the text around a fault, which JSON.parse quotes; the position is enough. */
const faultOf = (error: SyntaxError): string => error.message.replace(/,? ?\.{0,3}".*" is not valid JSON$/s, '')

/** Counts while it reads (docs/pitfalls.md#unbounded-reads). */
async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = payloadTooLarge(`The request body is larger than ${maxBytes} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * The host has read the stream (docs/pitfalls.md#body-parsers): what it kept is written out and parsed by our own rules
 * (docs/pitfalls.md#prototype-pollution).
 */
function hostBody({ rawBody, body }: HostRequest): string | Buffer {
  const kept = rawBody ?? body
  if (typeof kept === 'string' || Buffer.isBuffer(kept)) return kept
  guardNesting(kept)
  if (kept !== undefined) return JSON.stringify(kept)
  throw internalError('The request body was read before it came here: mount this handler before the body parser')
}
