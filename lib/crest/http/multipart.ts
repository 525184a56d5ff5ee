import { Busboy } from '@fastify/busboy'
import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest } from '../errors.ts'
import { contentTypeOf } from './content-type.ts'

interface Part {
  readonly type: string
  readonly fileName: string | undefined
  readonly bytes: Buffer
}

/** Max parts; their total size is limited where the body is read. */
const MAX_PARTS = 100

/**
 * A `multipart/form-data` body of Common REST: one part of type application/json is the content, which refers to the
 * others: `{"$ref": "cid:NAME#content"}` (as base64), `#mimetype` or `#filename`.
 * @param parse reads the JSON part
 * @throws ResourceException 400 when it is invalid, has no JSON part, or refers to a missing part
 */
export async function multipartJson(bytes: Buffer, header: string, parse: (json: Buffer) => Json): Promise<Json> {
  const parts = await readParts(bytes, header)
  const json = [...parts.values()].find(({ type }) => type === 'application/json')
  if (!json) throw badRequest('The multipart request has no part of type application/json')
  return resolve(parse(json.bytes), parts)
}

function readParts(bytes: Buffer, header: string): Promise<Map<string, Part>> {
  const { promise, resolve, reject } = Promise.withResolvers<Map<string, Part>>()
  const parts = new Map<string, Part>()
  const fail = (error: Error) => reject(badRequest('The multipart request cannot be read', { cause: error }))
  try {
    const parser = new Busboy({
      headers: { 'content-type': header },
      limits: { parts: MAX_PARTS, fieldSize: bytes.length, fileSize: bytes.length },
      // Treating every part as a file keeps its bytes and its type.
      isPartAFile: () => true,
    })
    parser.on('file', (name, stream, fileName, _encoding, type) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', fail)
      stream.on('end', () => {
        parts.set(name, { type: contentTypeOf(type).type, fileName, bytes: Buffer.concat(chunks) })
      })
    })
    parser.on('error', (error) => fail(error as Error))
    parser.on('partsLimit', () => fail(new Error(`more than ${MAX_PARTS} parts`)))
    parser.on('finish', () => resolve(parts))
    parser.end(bytes)
  } catch (error) {
    fail(error as Error)
  }
  return promise
}

function resolve(value: Json, parts: ReadonlyMap<string, Part>): Json {
  if (Array.isArray(value)) return value.map((element) => resolve(element, parts))
  if (!isObject(value)) return value
  const reference = Object.keys(value).length === 1 ? value.$ref : undefined
  if (typeof reference === 'string' && reference.startsWith('cid:')) return referred(reference, parts)
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolve(member, parts)]))
}

function referred(reference: string, parts: ReadonlyMap<string, Part>): Json {
  const [name = '', aspect = 'content'] = reference.slice('cid:'.length).split('#', 2)
  const part = parts.get(name)
  if (!part) throw badRequest(`The multipart request has no part ${JSON.stringify(name)}, which ${reference} refers to`)
  if (aspect === 'content') return part.bytes.toString('base64')
  if (aspect === 'mimetype') return part.type
  if (aspect === 'filename') return part.fileName ?? null
  throw badRequest(`${reference}: # must be followed by content, mimetype or filename`)
}
