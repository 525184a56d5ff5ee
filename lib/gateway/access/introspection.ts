import type { TokenSource } from '../../config/values/substitution/value-sources.ts'
import type { Disposable } from '../../contract.ts'
import { withEnvironmentProxy } from '../../core/http/environment-proxy.ts'
import { type ClientProperties, HttpClient, type HttpResponse } from '../../core/http/http-client.ts'
import { isObject, parseJson } from '../../core/json.ts'
import type { Secret } from '../../core/secret.ts'
import { serviceUnavailable } from '../../crest/errors.ts'
import { TrustStore } from '../../trust/trust-store.ts'
import { trustStoreSettings } from '../../trust/trust-store-settings.ts'
import type { HostLog } from '../project/log.ts'
import type { Project } from '../project/project.ts'

/** The introspection response for a token (RFC 7662). */
export type Introspection =
  | { readonly active: false }
  | {
      readonly active: true
      readonly subject: string | undefined
      readonly clientId: string | undefined
      readonly scopes: ReadonlySet<string>
      /** Seconds since the epoch; undefined if not in the response. */
      readonly expiresAt: number | undefined
    }

export interface IntrospectionEndpoint {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: Secret
}

export interface IntrospectionOptions {
  readonly project: Project
  readonly log: HostLog
  /** Environment for forward proxies. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

const DEADLINE_MS = 10_000
const MAX_RESPONSE_BYTES = 64 * 1024
const PROPERTIES: ClientProperties = {
  connectionTimeout: DEADLINE_MS,
  socketTimeout: DEADLINE_MS,
  // A POST on a connection that the server has just closed would fail and is not retried.
  reuseConnections: false,
  retryRequests: false,
  maxConnections: 16,
  maxQueuedRequests: 1000,
}

/** Introspects tokens, using the trust store of the remotes. */
export class IntrospectionClient implements Disposable {
  readonly #options: IntrospectionOptions
  readonly #sources: TokenSource
  #trust: TrustStore | undefined
  #current: { readonly key: readonly unknown[]; readonly http: HttpClient } | undefined

  constructor(sources: TokenSource, options: IntrospectionOptions) {
    this.#sources = sources
    this.#options = options
  }

  /** @throws ResourceException 503 without a valid response; the cause contains neither token nor secret */
  async introspect({ url, clientId, clientSecret }: IntrospectionEndpoint, token: string): Promise<Introspection> {
    try {
      const { origin, pathname, search } = new URL(url)
      const http = await this.#clientTo(origin)
      const response = await http.request({
        method: 'POST',
        path: pathname + search,
        headers: {
          accept: 'application/json',
          authorization: `Basic ${basic(clientId, clientSecret.reveal())}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
      })
      return judge(response)
    } catch (cause) {
      throw serviceUnavailable('The token could not be checked: no valid response from the token server', { cause })
    }
  }

  dispose(): void {
    this.#current?.http.destroy()
  }

  /** Reads the trust store on each call: introspection is rare, and a renewed authority requires no restart. */
  async #clientTo(origin: string): Promise<HttpClient> {
    const { project, log, env = process.env } = this.#options
    this.#trust ??= new TrustStore({ ...trustStoreSettings(this.#sources, project.dir), log })
    await this.#trust.load()
    const context = this.#trust.secureContext()
    const key = [origin, context]
    if (this.#current?.key.every((part, at) => part === key[at])) return this.#current.http
    this.#current?.http.close()
    const url = new URL(origin)
    const http = new HttpClient(url, {
      properties: withEnvironmentProxy(PROPERTIES, url, env),
      secureContext: () => context,
      totalTimeout: DEADLINE_MS,
      maxResponseBytes: MAX_RESPONSE_BYTES,
    })
    this.#current = { key, http }
    return http
  }
}

/**
 * Parses an introspection response.
 * @throws Error with the reason, never with content of the response
 */
export function judge({
  status,
  text,
  unreadable,
}: Pick<HttpResponse, 'status' | 'text' | 'unreadable'>): Introspection {
  if (status !== 200) throw new Error(`the introspection endpoint returned status ${status}`)
  if (unreadable) throw new Error(`the response of the introspection endpoint ${unreadable}`)
  let content: unknown
  try {
    content = parseJson(text)
  } catch {
    throw new Error('the response of the introspection endpoint is not JSON')
  }
  if (!isObject(content) || typeof content.active !== 'boolean') {
    throw new Error('the response of the introspection endpoint has no "active"')
  }
  if (!content.active) return { active: false }
  return {
    active: true,
    subject: textOf(content.sub),
    clientId: textOf(content.client_id),
    scopes: new Set(Array.isArray(content.scope) ? content.scope.map(String) : textOf(content.scope)?.split(' ')),
    expiresAt: typeof content.exp === 'number' ? content.exp : undefined,
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** RFC 6749, section 2.3.1: id and secret are form-encoded first. */
const basic = (clientId: string, secret: string): string =>
  Buffer.from(`${formEncode(clientId)}:${formEncode(secret)}`).toString('base64')

const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
