import type { Json, JsonObject } from '../../../lib/contract.ts'
import { type Answer, errorAnswer, json, raw, rowsOf, withPage } from './answer.ts'
import { copyExact, isMap, printExact } from './exact-json.ts'
import type { FakeRequest } from './request.ts'

/** Stands for no answer: the connection is reset. */
export const CUT: unique symbol = Symbol('cut')
export type Outcome = Answer | typeof CUT

/** Has the request answered by whatever comes behind, in the end by the fake IDM itself. */
export type Next = (request?: FakeRequest) => Promise<Outcome>

/** Stands in the way of a request: answers itself, changes the request or the answer, waits, or cuts the connection. */
export type Interceptor = (request: FakeRequest, next: Next) => Outcome | Promise<Outcome>

/** Answers in its place; the request is not carried out. */
export const respond =
  (answer: Answer): Interceptor =>
  () =>
    answer

/** Carries the request out and changes its answer. */
export const rewrite =
  (change: (answer: Answer, request: FakeRequest) => Answer): Interceptor =>
  async (request, next) => {
    const answer = await next()
    return answer === CUT ? CUT : change(answer, request)
  }

/** Carries the request out and changes the object in its answer. */
export const rewriteObject = (change: (object: JsonObject, request: FakeRequest) => Json): Interceptor =>
  rewrite((answer, request) => (isMap(answer.json) ? { ...answer, json: change(answer.json, request) } : answer))

// A load balancer, a gateway or a container in front of it.

const FOREIGN: Readonly<Record<'html' | 'text' | 'empty' | 'json' | 'idm', (status: number) => Answer>> = {
  html: (status) => raw(status, 'text/html', `<html><head><title>${status}</title></head><body>nginx</body></html>`),
  text: (status) => raw(status, 'text/plain', `${status}: no route\n`),
  empty: (status) => ({ status, headers: {} }),
  json: (status) => json(status, { error: 'no route', path: '/' }),
  idm: (status) => errorAnswer(status, 'Not here'),
}

/** An answer that does not come from the IDM: `json` says nothing about the object, `idm` is worded as an IDM does. */
export const foreign = (kind: keyof typeof FOREIGN, status = 404): Interceptor => respond(FOREIGN[kind](status))

/** 429 or 503; without `retryAfter` (seconds, or a date) there is no such header. */
export const busy = (status: 429 | 503 = 429, retryAfter?: number | string): Interceptor =>
  respond(errorAnswer(status, 'Come again', retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }))

// Lies.

/** Carries the request out (or not) and answers 200 with an error in the body. */
export const errorIn200 = ({ code = 500, applied = false } = {}): Interceptor => {
  const lie = json(200, { code, reason: 'Internal Server Error', message: 'Script failed' })
  return applied ? rewrite(() => lie) : respond(lie)
}

/** Carries the request out and answers with the object under another id. */
export const otherId = (id: string): Interceptor => rewriteObject((object) => ({ ...object, _id: id }))

/** Answers that it was done and does nothing: the answer to a write is what was sent. */
export const ignoresWrites = (): Interceptor => (request, next) =>
  request.isWrite && isMap(request.exactBody) ? json(200, request.exactBody) : next()

// A scan that shows less than there is.

/** Each row of a page becomes what `change` makes of it: another row, several, or none. */
export const rewriteRows = (
  change: (row: JsonObject, request: FakeRequest) => JsonObject | readonly JsonObject[] | undefined,
): Interceptor =>
  rewrite((answer, request) => {
    const rows = rowsOf(answer)
    return rows ? withPage(answer, { result: rows.flatMap((row) => change(copyExact(row), request) ?? []) }) : answer
  })

const among = (ids: readonly string[], { _id }: JsonObject): boolean => typeof _id === 'string' && ids.includes(_id)

/** Leaves rows out of every query; reads by id find them. */
export const missingRows = (...ids: string[]): Interceptor => rewriteRows((row) => (among(ids, row) ? undefined : row))

export const rowsWithoutId = (...ids: string[]): Interceptor =>
  rewriteRows(({ _id, ...row }) => (among(ids, { _id: _id ?? null }) ? row : { _id: _id ?? null, ...row }))

/** Shows these rows with `_id` and `_rev` only. */
export const partialRows = (...ids: string[]): Interceptor =>
  rewriteRows((row) => {
    const { _id = null, _rev } = row
    return among(ids, row) ? { _id, ...(_rev === undefined ? {} : { _rev }) } : row
  })

/** Shows one row twice, the second time with other fields. */
export const repeatedRow = (id: string, fields: JsonObject): Interceptor =>
  rewriteRows((row) => (row._id === id ? [row, { ...row, ...fields }] : row))

// Cookies that lead nowhere.

/** The same page again and again, each time with a new cookie. */
export function endlessCookies(): Interceptor {
  let count = 0
  return pagesOf((request) => ({ query: withoutCookie(request), cookie: `endless-${++count}` }))
}

/** Two pages in turn, with the cookies A, B, A, B and so on. */
export const alternatingCookies = (): Interceptor =>
  pagesOf((request) => {
    const isSecond = request.query._pagedResultsCookie === 'A'
    const query = withoutCookie(request)
    if (isSecond) query._pagedResultsOffset = query._pageSize ?? '0'
    return { query, cookie: isSecond ? 'B' : 'A' }
  })

/** Empty pages, each with a new cookie, before the first real page. */
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

/** Only queries by pages are touched. */
const pagesOf =
  (page: (request: FakeRequest) => { query: Record<string, string>; cookie: string }): Interceptor =>
  async (request, next) => {
    if (request.query._pageSize === undefined) return next()
    const { query, cookie } = page(request)
    const answer = await next(request.withQuery(query))
    return answer === CUT ? CUT : withPage(answer, { pagedResultsCookie: cookie })
  }

// Time and connection.

/** Does something before the request is carried out, such as moving a revision between scan and write. */
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

/** Holds requests until `release()`; `waiting` says how many wait. */
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

/** Cuts the connection; what was asked is not done. */
export const cutBefore = (): Interceptor => () => CUT

/** Cuts the connection when what was asked is done. */
export const cutAfter =
  (): Interceptor =>
  async (_request, next): Promise<Outcome> => {
    await next()
    return CUT
  }

// Other bytes.

/** The answer in ISO-8859-1, and its header says so. */
export const inLatin1 = (): Interceptor =>
  rewrite((answer) =>
    answer.json === undefined
      ? answer
      : raw(answer.status, 'application/json;charset=ISO-8859-1', Buffer.from(printExact(answer.json), 'latin1')),
  )

/** The same bytes under a header that claims UTF-8: each letter beyond ASCII is an invalid byte. */
export const invalidUtf8 = (): Interceptor =>
  rewrite((answer) =>
    answer.json === undefined
      ? answer
      : raw(answer.status, 'application/json;charset=utf-8', Buffer.from(printExact(answer.json), 'latin1')),
  )

/** The first half of the JSON, in an answer that is whole to HTTP. */
export const truncated = (): Interceptor =>
  rewrite((answer) => {
    const text = printExact(answer.json ?? {})
    return raw(answer.status, 'application/json;charset=utf-8', text.slice(0, Math.ceil(text.length / 2)))
  })
