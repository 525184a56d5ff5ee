import type { IncomingHttpHeaders } from 'node:http'
import type { Json } from '../../../lib/contract.ts'
import type { RecordedRequest } from '../recorded-request.ts'
import { parseExact, plain } from './exact-json.ts'

/** One request as the fake IDM reads it. */
export class FakeRequest {
  /** After `X-HTTP-Method-Override`. */
  readonly method: string
  /** Decoded and without the leading `/openidm/`: `managed/user/u1`. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** The request target as sent. */
  readonly url: string
  /** The body as sent. */
  readonly text: string

  constructor(recorded: RecordedRequest) {
    const [path = '', ...query] = recorded.url.split('?')
    const override = recorded.headers['x-http-method-override']
    this.method = recorded.method === 'POST' && typeof override === 'string' ? override : recorded.method
    this.path = decode(path.replace(/^\/openidm\/?/, '').replace(/\/$/, ''))
    this.query = Object.fromEntries(new URLSearchParams(query.join('?')))
    this.headers = recorded.headers
    this.url = recorded.url
    this.text = recorded.text
  }

  /** `PATCH managed/user/u1`, for assertions. */
  get line(): string {
    return `${this.method} ${this.path}`
  }

  /** The parsed body with ordinary numbers; undefined when it is not JSON. */
  get body(): Json | undefined {
    const exact = this.exactBody
    return exact === undefined ? undefined : plain(exact)
  }

  /** The parsed body with exact digits; see exact-json.ts. */
  get exactBody(): Json | undefined {
    try {
      return this.text.trim() === '' ? undefined : parseExact(this.text)
    } catch {
      return undefined
    }
  }

  get isWrite(): boolean {
    return !['GET', 'HEAD', 'OPTIONS'].includes(this.method)
  }

  /** `If-Match` without quotes; undefined for `*`. */
  get ifMatch(): string | undefined {
    const revision = bare(this.headers['if-match'])
    return revision === '*' ? undefined : revision
  }

  get ifNoneMatch(): string | undefined {
    return bare(this.headers['if-none-match'])
  }

  /** A copy with other parameters, for interceptors. */
  withQuery(query: Readonly<Record<string, string>>): FakeRequest {
    return Object.assign(Object.create(FakeRequest.prototype) as FakeRequest, this, { query })
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const bare = (header: string | undefined): string | undefined =>
  header === undefined ? undefined : header.trim().replace(/^(?:W\/)?"(.*)"$/, '$1')
