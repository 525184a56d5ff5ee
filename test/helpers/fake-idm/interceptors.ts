import type { Json, JsonObject } from '../../../lib/contract.ts'
import { type Answer, errorAnswer, json, raw, rowsOf, withPage } from './answer.ts'
import { copyExact, isMap, printExact } from './exact-json.ts'
import type { FakeRequest } from './request.ts'

/** The connection is reset instead of an answer. */
export const CUT: unique symbol = Symbol('cut')
export type Outcome = Answer | typeof CUT

/** Passes the request (or a changed one) to the next interceptor, finally to the fake IDM itself. */
export type Next = (request?: FakeRequest) => Promise<Outcome>

/** Middleware: answers by itself, changes the request or the answer, waits, or cuts the connection. */
export type Interceptor = (request: FakeRequest, next: Next) => Outcome | Promise<Outcome>

/** Answers without processing the request. */
export const respond =
  (answer: Answer): Interceptor =>
  () =>
    answer

/** Processes the request and changes the answer. */
export const rewrite =
  (change: (answer: Answer, request: FakeRequest) => Answer): Interceptor =>
  async (request, next) => {
    const answer = await next()
    return answer === CUT ? CUT : change(answer, request)
  }

/** Processes the request and changes the object in the answer. */
export const rewriteObject = (change: (object: JsonObject, request: FakeRequest) => Json): Interceptor =>
  rewrite((answer, request) => (isMap(answer.json) ? { ...answer, json: change(answer.json, request) } : answer))

// Load balancers, gateways and containers in front of the IDM.

const FOREIGN: Readonly<Record<'html' | 'text' | 'empty' | 'json' | 'idm', (status: number) => Answer>> = {
  html: (status) => raw(status, 'text/html', `<html><head><title>${status}</title></head><body>nginx</body></html>`),
  text: (status) => raw(status, 'text/plain', `${status}: no route\n`),
  empty: (status) => ({ status, headers: {} }),
  json: (status) => json(status, { error: 'no route', path: '/' }),
  idm: (status) => errorAnswer(status, 'Not here'),
}

/** An answer from something other than the IDM: `json` is unrelated JSON, `idm` has IDM's error format. */
export const foreign = (kind: keyof typeof FOREIGN, status = 404): Interceptor => respond(FOREIGN[kind](status))

/** 429 or 503, with `Retry-After` (seconds or a date) when given. */
export const busy = (status: 429 | 503 = 429, retryAfter?: number | string): Interceptor =>
  respond(
    errorAnswer(status, 'The server is busy', retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  )

// Lies.

/** Answers 200 with an error in the body; processes the request only when `applied`. */
export const errorIn200 = ({ code = 500, applied = false } = {}): Interceptor => {
  const lie = json(200, { code, reason: 'Internal Server Error', message: 'Script failed' })
  return applied ? rewrite(() => lie) : respond(lie)
}

/** Processes the request and returns the object with another id. */
export const otherId = (id: string): Interceptor => rewriteObject((object) => ({ ...object, _id: id }))

/** Reports success without storing anything: a write is answered with its own body. */
export const ignoresWrites = (): Interceptor => (request, next) =>
  request.isWrite && isMap(request.exactBody) ? json(200, request.exactBody) : next()

// Incomplete or wrong query results.

/** Replaces each row of a page by the rows that `change` returns: one, several or none. */
export const rewriteRows = (
  change: (row: JsonObject, request: FakeRequest) => JsonObject | readonly JsonObject[] | undefined,
): Interceptor =>
  rewrite((answer, request) => {
    const rows = rowsOf(answer)
    return rows ? withPage(answer, { result: rows.flatMap((row) => change(copyExact(row), request) ?? []) }) : answer
  })

const among = (ids: readonly string[], { _id }: JsonObject): boolean => typeof _id === 'string' && ids.includes(_id)

/** Omits rows from every query; reads by id still find them. */
export const missingRows = (...ids: string[]): Interceptor => rewriteRows((row) => (among(ids, row) ? undefined : row))

export const rowsWithoutId = (...ids: string[]): Interceptor =>
  rewriteRows(({ _id, ...row }) => (among(ids, { _id: _id ?? null }) ? row : { _id: _id ?? null, ...row }))

/** Returns these rows with `_id` and `_rev` only. */
export const partialRows = (...ids: string[]): Interceptor =>
  rewriteRows((row) => {
    const { _id = null, _rev } = row
    return among(ids, row) ? { _id, ...(_rev === undefined ? {} : { _rev }) } : row
  })

/** Returns one row twice, the second time with different fields. */
export const repeatedRow = (id: string, fields: JsonObject): Interceptor =>
  rewriteRows((row) => (row._id === id ? [row, { ...row, ...fields }] : row))

// Paging that does not end.

/** Repeats the same page with a new cookie each time. */
export function endlessCookies(): Interceptor {
  let count = 0
  return pagesOf((request) => ({ query: withoutCookie(request), cookie: `endless-${++count}` }))
}

/** Alternates between two pages with the cookies A, B, A, B, … */
export const alternatingCookies = (): Interceptor =>
  pagesOf((request) => {
    const isSecond = request.query._pagedResultsCookie === 'A'
    const query = withoutCookie(request)
    if (isSecond) query._pagedResultsOffset = query._pageSize ?? '0'
    return { query, cookie: isSecond ? 'B' : 'A' }
  })

/** Returns empty pages, each with a new cookie, before the first real page. */
export const emptyPagesFirst = (count: number): Interceptor => {
  const isOurs = (cookie: string | undefined) => cookie === undefined || cookie.startsWith('empty-')
  return async (request, next) => {
    const { _pagedResultsCookie: cookie } = request.query
    if (!isOurs(cookie) || request.query._pageSize === undefined) return next()
    const answer = await next(request.withQuery(withoutCookie(request)))
    const page = Number(cookie?.slice('empty-'.length) ?? 0)
    if (answer === CUT || page >= count) return answer
    return withPage(answer, { result: [], pagedResultsCookie: `empty-${page + 1}` })
  }
}

const withoutCookie = ({ query }: FakeRequest): Record<string, string> =>
  Object.fromEntries(Object.entries(query).filter(([name]) => name !== '_pagedResultsCookie'))

/** Applies to paged queries only. */
const pagesOf =
  (page: (request: FakeRequest) => { query: Record<string, string>; cookie: string }): Interceptor =>
  async (request, next) => {
    if (request.query._pageSize === undefined) return next()
    const { query, cookie } = page(request)
    const answer = await next(request.withQuery(query))
    return answer === CUT ? CUT : withPage(answer, { pagedResultsCookie: cookie })
  }

// Timing and connections.

/** Runs `work` before the request is processed, for example to move a revision between scan and write. */
export const before =
  (work: (request: FakeRequest) => unknown): Interceptor =>
  async (request, next) => {
    await work(request)
    return next()
  }

export const delayed =
  (milliseconds: number): Interceptor =>
  async (_request, next) => {
    await new Promise((done) => setTimeout(done, milliseconds))
    return next()
  }

/** Holds requests until `release()`; `waiting` counts them. */
export function held(): Interceptor & { release(): void; readonly waiting: number } {
  const gate = Promise.withResolvers<void>()
  let waiting = 0
  const hold: Interceptor = async (_request, next) => {
    waiting += 1
    await gate.promise
    waiting -= 1
    return next()
  }
  return Object.defineProperty(Object.assign(hold, { release: () => gate.resolve(), waiting }), 'waiting', {
    get: () => waiting,
  })
}

/** Cuts the connection without processing the request. */
export const cutBefore = (): Interceptor => () => CUT

/** Cuts the connection after processing the request. */
export const cutAfter =
  (): Interceptor =>
  async (_request, next): Promise<Outcome> => {
    await next()
    return CUT
  }

// Encodings.

/** Answers in ISO-8859-1, as the header says. */
export const inLatin1 = (): Interceptor =>
  rewrite((answer) =>
    answer.json === undefined
      ? answer
      : raw(answer.status, 'application/json;charset=ISO-8859-1', Buffer.from(printExact(answer.json), 'latin1')),
  )

/** Answers in ISO-8859-1 while the header says UTF-8: each non-ASCII letter is an invalid byte. */
export const invalidUtf8 = (): Interceptor =>
  rewrite((answer) =>
    answer.json === undefined
      ? answer
      : raw(answer.status, 'application/json;charset=utf-8', Buffer.from(printExact(answer.json), 'latin1')),
  )

/** Answers with the first half of the JSON in a complete HTTP message. */
export const truncated = (): Interceptor =>
  rewrite((answer) => {
    const text = printExact(answer.json ?? {})
    return raw(answer.status, 'application/json;charset=utf-8', text.slice(0, Math.ceil(text.length / 2)))
  })
