import type { JsonObject } from '../../contract.ts'
import { badGateway, type ResourceException } from '../../crest/errors.ts'

/** Pages in a row that bring objects and none that is new. */
const MAX_STALE_PAGES = 3
/** Pages in a row that bring nothing and a new cookie: a server that filters behind its pages sends such. */
const MAX_EMPTY_PAGES = 1000

/** Ends a query whose pages go round in a circle. */
export class PageLoopGuard {
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
    if (this.#cookies.has(cookie)) throw this.#failure('hands out a cookie that it has handed out before')
    this.#cookies.add(cookie)
    const known = this.#ids.size
    for (const { _id } of page) this.#ids.add(hashOf(String(_id ?? '')))
    this.#empty = page.length === 0 ? this.#empty + 1 : 0
    if (page.length > 0) this.#stale = this.#ids.size === known ? this.#stale + 1 : 0
    if (this.#stale >= MAX_STALE_PAGES) throw this.#failure(`sent ${MAX_STALE_PAGES} pages without a new object`)
    if (this.#empty >= MAX_EMPTY_PAGES) throw this.#failure(`sent ${MAX_EMPTY_PAGES} empty pages one after the other`)
  }

  #failure(what: string): ResourceException {
    return badGateway(`The query of ${this.#path} ${what}: its pages do not end`)
  }
}

/** FNV-1a, in the 31 bits of a small integer. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash & 0x3fffffff
}
