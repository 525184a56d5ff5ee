import type { JsonObject } from '../../contract.ts'
import type { RunContext } from '../context/run-context.ts'
import { idOf } from '../read/object-set.ts'
import { chunks } from './prefetch.ts'

/** The first objects of pages; no further page is requested. */
export async function* limited(
  pages: AsyncGenerator<JsonObject[], void>,
  limit: number,
): AsyncGenerator<JsonObject[], void> {
  let left = limit
  for await (const page of pages) {
    yield page.slice(0, left)
    left -= page.length
    if (left <= 0) return
  }
}

/** Complete objects of `size` sources that are chosen at random among all of the source query. */
export async function* sampled(context: RunContext, size: number): AsyncGenerator<JsonObject[], void> {
  const { mapping, sources } = context
  const { resourceName, params = { _queryFilter: 'true' } } = mapping.sourceQuery ?? {}
  const query = { resourceName, params: { ...params, _fields: ['_id'] } }
  const reservoir = new Reservoir<string>(size)
  for await (const page of sources.pages(query, mapping.reconSourceQueryPageSize, 'sourceQuery')) {
    context.checkCanceled()
    for (const object of page) if (idOf(object) !== '') reservoir.offer(idOf(object))
  }
  for (const ids of chunks(reservoir.items, mapping.reconSourceQueryPageSize))
    yield [...(await sources.byIds(ids, 'sourceObjectQuery')).values()]
}

/** A random sample of a stream of unknown length (algorithm R, https://en.wikipedia.org/wiki/Reservoir_sampling). */
class Reservoir<T> {
  readonly items: T[] = []
  readonly #size: number
  #offered = 0

  constructor(size: number) {
    this.#size = size
  }

  offer(item: T): void {
    this.#offered += 1
    if (this.items.length < this.#size) this.items.push(item)
    else {
      const place = Math.floor(Math.random() * this.#offered)
      if (place < this.#size) this.items[place] = item
    }
  }
}
