import type { JsonObject } from '../../contract.ts'
import { badGateway, type ResourceException } from '../errors.ts'
import type { QueryResponse } from './represent.ts'

/** Consecutive pages with objects, none of which is new. */
const MAX_STALE_PAGES = 3
/** Consecutive empty pages with a new cookie each: a server that filters after paging sends such pages. */
const MAX_EMPTY_PAGES = 1000

/**
 * The pages of a query, each requested with the cookie of the one before; null for the first.
 * @param path for the message
 * @throws badGateway when the pages repeat, so that they would never end
 */
export async function* queryPages(
  path: string,
  request: (cookie: string | null) => Promise<QueryResponse>,
): AsyncGenerator<QueryResponse, void, undefined> {
  const guard = new PageLoopGuard(path)
  let cookie: string | null = null
  do {
    const page: QueryResponse = await request(cookie)
    cookie = page.pagedResultsCookie
    guard.check(page.result, cookie)
    yield page
  } while (cookie !== null)
}

class PageLoopGuard {
  readonly #path: string
  readonly #cookies = new Set<string>()
  /** Hashes take a tenth of the space of ids; a page of nothing but collisions does not occur. */
  readonly #ids = new Set<number>()
  #stale = 0
  #empty = 0

  constructor(path: string) {
    this.#path = path
  }

  /** @throws badGateway */
  check(page: readonly JsonObject[], cookie: string | null): void {
    if (cookie === null) return
    if (this.#cookies.has(cookie)) throw this.#failure('returned a cookie that it has returned before')
    this.#cookies.add(cookie)
    const known = this.#ids.size
    for (const { _id } of page) this.#ids.add(textHash(String(_id ?? '')))
    this.#empty = page.length === 0 ? this.#empty + 1 : 0
    if (page.length > 0) this.#stale = this.#ids.size === known ? this.#stale + 1 : 0
    if (this.#stale >= MAX_STALE_PAGES) throw this.#failure(`returned ${MAX_STALE_PAGES} pages without a new object`)
    if (this.#empty >= MAX_EMPTY_PAGES) throw this.#failure(`returned ${MAX_EMPTY_PAGES} empty pages in a row`)
  }

  #failure(what: string): ResourceException {
    return badGateway(`The query of ${this.#path} ${what}: its pages do not end`)
  }
}

/** FNV-1a, in the 30 bits of a small integer. For sets that tolerate a rare collision, never for security. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash & 0x3fffffff
}
