import http from 'node:http'
import https from 'node:https'
import type { SecureContext } from 'node:tls'
import { isObject, parseJson } from '../../core/json.ts'
import type { Secret } from '../../core/secret.ts'
import { utf8Text } from '../../core/utf8.ts'
import { serviceUnavailable } from '../../crest/errors.ts'

/** What the token server says about a token (RFC 7662). */
export type Introspection =
  | { readonly active: false }
  | {
      readonly active: true
      readonly subject: string | undefined
      readonly clientId: string | undefined
      readonly scopes: ReadonlySet<string>
      /** Seconds since 1970; undefined when the server does not say. */
      readonly expiresAt: number | undefined
    }

export interface IntrospectionEndpoint {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: Secret
  /** Whom to trust, asked for each request: a renewed authority needs no restart. */
  readonly secureContext: () => Promise<SecureContext>
  readonly agents: { readonly http: http.Agent; readonly https: https.Agent }
}

interface Answer {
  readonly status: number
  readonly body: string
}

const DEADLINE_MS = 10_000
const BODY_LIMIT = 64 * 1024

/**
 * Asks the token server about `token`.
 * @throws ResourceException 503 when it gives no usable answer; the cause holds neither token nor secret
 */
export async function introspect(endpoint: IntrospectionEndpoint, token: string): Promise<Introspection> {
  try {
    return judge(await post(endpoint, token, await endpoint.secureContext()))
  } catch (cause) {
    throw serviceUnavailable('The token could not be checked: the token server gave no usable answer', { cause })
  }
}

/** @throws Error that says what is wrong with the answer, never what is in it */
export function judge({ status, body }: Answer): Introspection {
  if (status !== 200) throw new Error(`the introspection endpoint answered with status ${status}`)
  let content: unknown
  try {
    content = parseJson(body)
  } catch {
    throw new Error('the introspection endpoint answered with something that is not JSON')
  }
  if (!isObject(content) || typeof content.active !== 'boolean') {
    throw new Error('the introspection endpoint answered without "active"')
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

function post(endpoint: IntrospectionEndpoint, token: string, secureContext: SecureContext): Promise<Answer> {
  const secure = endpoint.url.startsWith('https:')
  const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString()
  const options: https.RequestOptions & { readonly secureContext: SecureContext } = {
    method: 'POST',
    agent: secure ? endpoint.agents.https : endpoint.agents.http,
    signal: AbortSignal.timeout(DEADLINE_MS),
    headers: {
      accept: 'application/json',
      authorization: `Basic ${basic(endpoint.clientId, endpoint.clientSecret.reveal())}`,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(body),
    },
    secureContext,
  }
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(endpoint.url, options, (response) => {
      readBody(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** RFC 6749, section 2.3.1: both parts are form-encoded first. */
const basic = (clientId: string, secret: string): string =>
  Buffer.from(`${formEncode(clientId)}:${formEncode(secret)}`).toString('base64')

const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

async function readBody(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += chunk.length
    if (size > BODY_LIMIT) throw new Error('the answer of the introspection endpoint is too long')
    chunks.push(chunk)
  }
  const text = utf8Text(Buffer.concat(chunks))
  if (text === undefined) throw new Error('the answer of the introspection endpoint is not UTF-8')
  return text
}
