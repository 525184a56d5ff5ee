/** Requests to the gateway: relative to this page, so that they hold behind a path prefix. */
import { liveSession, renewedSession, type Session, session, signOut } from './session.ts'

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json }
export type JsonObject = { [member: string]: Json }

export interface QueryPage<T> {
  readonly result: readonly T[]
  readonly pagedResultsCookie: string | null
  readonly totalPagedResults: number
}

/** The gateway refused a request; status 0: it, or the provider of its logins, does not answer. */
export class ApiError extends Error {
  readonly status: number
  readonly detail: Json

  constructor(status: number, message: string, detail: Json = null) {
    super(message)
    this.status = status
    this.detail = detail
  }

  /** Worth asking again: it is away, starts or stops. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

export interface CallOptions {
  readonly params?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: Json
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly as?: 'text'
}

const BASE = new URL('../', location.origin + location.pathname)

/** Of a stream of events; `data` is JSON. */
export interface StreamEvent {
  readonly name: string
  readonly id: string | undefined
  readonly data: Json
}

/** The gateway sends something more often. */
const SILENCE_MS = 45_000

/**
 * Follows a stream of events until it ends, breaks, or falls silent; all of them alike, since who follows looks again.
 * @returns undefined, or the answer of a host that has no streams
 * @throws ApiError when the gateway refuses
 */
export async function follow<T = JsonObject>(
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  onEvent: (event: StreamEvent) => void,
): Promise<T | undefined> {
  const silence = new AbortController()
  const options = { headers: { Accept: STREAM_OR_JSON, ...headers }, signal: AbortSignal.any([signal, silence.signal]) }
  const { response, asked } = await answered('GET', path, options)
  if (!response.ok || !response.body || !/^text\/event-stream/.test(response.headers.get('Content-Type') ?? ''))
    return judged<T>('GET', path, options, response, asked)
  let timer = setTimeout(() => silence.abort(), SILENCE_MS)
  try {
    for await (const event of eventsOf(response.body, () => {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENCE_MS)
    }))
      onEvent(event)
  } catch (error) {
    if (signal.aborted) throw error
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
  return undefined
}

const STREAM_OR_JSON = 'text/event-stream, application/json;q=0.9'

async function* eventsOf(body: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator<StreamEvent, void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    onBytes()
    const blocks = (text + decoder.decode(value, { stream: true })).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const lines = block.split('\n')
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + ': '.length)
      const data = field('data')
      if (data !== undefined) yield { name: field('event') ?? '', id: field('id'), data: JSON.parse(data) as Json }
    }
  }
}

const refusedListeners = new Set<() => void>()

/** Calls `listener` whenever the access rules have refused a request. */
export const onRefused = (listener: () => void): void => void refusedListeners.add(listener)

/** @throws ApiError */
export async function call<T = JsonObject>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const { response, asked } = await answered(method, path, options)
  return judged<T>(method, path, options, response, asked)
}

/** @throws ApiError */
async function judged<T>(
  method: string,
  path: string,
  options: CallOptions,
  response: Response,
  asked: Session | undefined,
): Promise<T> {
  if (response.ok && options.as === 'text') return (await response.text()) as T
  const content = await contentOf(response)
  if (response.ok) return content as T
  const { message, detail } = content as { message?: string; detail?: Json }
  if (response.status === 403) for (const listener of refusedListeners) listener()
  // A login that another one has replaced says nothing about it.
  if (response.status === 401 && asked && asked === session())
    signOut('You have been signed out: the gateway no longer accepts this login.')
  throw new ApiError(response.status, textOf(response.status, message, method, path, options), detail ?? null)
}

/** The answer, and the session that asked for it. An access token that the gateway no longer accepts is renewed once. */
async function answered(
  method: string,
  path: string,
  options: CallOptions,
): Promise<{ response: Response; asked: Session | undefined }> {
  const before = session()
  let asked = await liveSession()
  const isOver = () => before !== undefined && asked === undefined
  let response = isOver() ? undefined : await send(method, path, options, asked)
  if (response?.status === 401 && asked?.credentials.renew && asked === session()) {
    asked = await renewedSession()
    response = isOver() ? undefined : await send(method, path, options, asked)
  }
  // Without credentials it would be the request of somebody else.
  if (!response) throw new ApiError(401, 'You have been signed out.')
  return { response, asked }
}

async function send(
  method: string,
  path: string,
  { params = {}, body, headers = {}, signal }: CallOptions,
  asked: Session | undefined,
): Promise<Response> {
  const url = new URL(path, BASE)
  for (const [name, value] of Object.entries(params)) if (value !== undefined) url.searchParams.set(name, String(value))
  try {
    return await fetch(url, {
      method,
      headers: {
        'X-Requested-With': 'Console',
        ...asked?.credentials.headers,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
      cache: 'no-store',
      credentials: 'same-origin',
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'The gateway does not answer.')
  }
}

async function contentOf(response: Response): Promise<Json> {
  try {
    return (await response.json()) as Json
  } catch {
    return {}
  }
}

function textOf(status: number, message: string | undefined, method: string, path: string, { params }: CallOptions) {
  if (status !== 403) return message ?? `The gateway answered ${status}.`
  const verb = params?._queryFilter === undefined ? (VERBS[method] ?? method) : 'query'
  const action = params?._action ? `the action ${params._action}` : verb
  const resource = path.replace(/\?.*/, '').replace(/\/$/, '')
  const said = message && message !== 'Access denied' ? ` (${message})` : ''
  return `Your account may not use ${action} on ${resource}${said}. The access rules of the gateway decide; ask its administrator.`
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'read',
  PUT: 'write',
  PATCH: 'change',
  DELETE: 'delete',
  POST: 'create',
}

export const query = <T>(
  path: string,
  params: NonNullable<CallOptions['params']>,
  signal?: AbortSignal,
): Promise<QueryPage<T>> => call<QueryPage<T>>('GET', path, { params: { _queryFilter: 'true', ...params }, signal })

export const action = <T = JsonObject>(
  path: string,
  name: string,
  params: NonNullable<CallOptions['params']> = {},
  body?: Json,
): Promise<T> => call<T>('POST', path, { params: { _action: name, ...params }, ...(body !== undefined && { body }) })

/** A text in a query filter. */
export const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`

/** A name in a path. */
export const segment = (name: string): string => encodeURIComponent(name)
