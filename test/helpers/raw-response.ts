/** One response as it stood on the wire, read strictly: what two readers could take differently is an error. */
export class RawResponse {
  readonly status: number
  readonly reason: string
  /** Name and value pairs in their own spelling and order. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
  readonly trailers: readonly (readonly [string, string])[]
  /** The 1xx responses before this one. */
  readonly informational: readonly RawResponse[]

  constructor(head: Head, body: Body, informational: readonly RawResponse[] = []) {
    this.status = head.status
    this.reason = head.reason
    this.headers = head.headers
    this.body = body.bytes
    this.trailers = body.trailers
    this.informational = informational
  }

  /** All values of a header, in order. */
  all(name: string): string[] {
    return valuesOf(this.headers, name)
  }

  /** The only value of a header, or undefined; throws when there are several. */
  header(name: string): string | undefined {
    const values = this.all(name)
    if (values.length > 1) throw new Error(`${values.length} values of ${name}: ${values.join(' | ')}`)
    return values[0]
  }

  get text(): string {
    return this.body.toString()
  }

  get json(): unknown {
    return JSON.parse(this.text)
  }
}

export interface ParseOptions {
  /** The methods of the requests, in order; matters for HEAD only. */
  readonly methods?: readonly string[]
  /** The peer ended the connection: a body without a length is complete. */
  readonly ended?: boolean
}

interface Head {
  readonly status: number
  readonly reason: string
  readonly headers: [string, string][]
  readonly end: number
}

interface Body {
  readonly bytes: Buffer
  readonly trailers: [string, string][]
  readonly end: number
}

/**
 * Reads all complete responses; `rest` is what stands behind them.
 * @throws Error when the bytes are no HTTP/1.x response, or one of doubtful length
 */
export function parseResponses(bytes: Buffer, options: ParseOptions = {}): { responses: RawResponse[]; rest: Buffer } {
  const responses: RawResponse[] = []
  let informational: RawResponse[] = []
  let offset = 0
  for (;;) {
    const head = readHead(bytes, offset)
    const isHead = options.methods?.[responses.length] === 'HEAD'
    const body = head && readBody(bytes, head, isHead, options.ended ?? false)
    if (!head || !body) return { responses, rest: bytes.subarray(offset) }
    offset = body.end
    if (head.status < 200 && head.status !== 101) {
      informational.push(new RawResponse(head, body))
      continue
    }
    responses.push(new RawResponse(head, body, informational))
    informational = []
  }
}

function readHead(bytes: Buffer, start: number): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n', start)
  if (end < 0) return undefined
  const [statusLine = '', ...lines] = bytes.toString('latin1', start, end).split('\r\n')
  const [, status, reason] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(statusLine) ?? []
  if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(statusLine.slice(0, 80))}`)
  return { status: Number(status), reason: reason ?? '', headers: lines.map(readField), end: end + 4 }
}

function readField(line: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
  if (name === undefined || value === undefined) throw new Error(`not a header: ${JSON.stringify(line)}`)
  return [name, value]
}

function readBody(bytes: Buffer, { status, headers, end }: Head, isHead: boolean, ended: boolean): Body | undefined {
  const lengths = valuesOf(headers, 'content-length')
  const codings = valuesOf(headers, 'transfer-encoding')
  if (lengths.length + codings.length > 1) throw new Error(`doubtful length: ${[...lengths, ...codings].join(' | ')}`)
  if (isHead || status < 200 || status === 204 || status === 304) return slice(bytes, end, end)
  if (codings.length > 0) return readChunked(bytes, end)
  if (lengths.length === 0) return ended ? slice(bytes, end, bytes.length) : undefined
  if (!/^\d+$/.test(lengths[0] ?? '')) throw new Error(`not a length: ${lengths[0]}`)
  return slice(bytes, end, end + Number(lengths[0]))
}

const slice = (bytes: Buffer, start: number, end: number): Body | undefined =>
  end <= bytes.length ? { bytes: bytes.subarray(start, end), trailers: [], end } : undefined

function readChunked(bytes: Buffer, start: number): Body | undefined {
  const chunks: Buffer[] = []
  for (let offset = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', offset)
    if (lineEnd < 0) return undefined
    const line = bytes.toString('latin1', offset, lineEnd)
    const size = /^[0-9a-f]+(?=$|;)/i.exec(line)?.[0]
    if (size === undefined) throw new Error(`not a chunk size: ${JSON.stringify(line.slice(0, 80))}`)
    const chunk = lineEnd + 2
    const end = chunk + Number.parseInt(size, 16)
    if (end === chunk) return readTrailers(bytes, lineEnd, Buffer.concat(chunks))
    if (bytes.length < end + 2) return undefined
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') throw new Error('a chunk is longer than its size says')
    chunks.push(bytes.subarray(chunk, end))
    offset = end + 2
  }
}

/** `lineEnd` is the end of the line of the last chunk; an empty trailer section is one more line end. */
function readTrailers(bytes: Buffer, lineEnd: number, body: Buffer): Body | undefined {
  const end = bytes.indexOf('\r\n\r\n', lineEnd)
  if (end < 0) return undefined
  const lines = bytes.toString('latin1', lineEnd + 2, Math.max(end, lineEnd + 2)).split('\r\n')
  return { bytes: body, trailers: lines.filter(Boolean).map(readField), end: end + 4 }
}

const valuesOf = (headers: readonly (readonly [string, string])[], name: string): string[] =>
  headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
