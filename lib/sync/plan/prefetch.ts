import { setImmediate as nextTurn } from 'node:timers/promises'

/** Items requested ahead of the one that is being processed. */
const DEPTH = 2

/** The items of a generator, the next ones of which are requested while one is processed. */
export async function* prefetch<T>(items: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  const requested: Promise<IteratorResult<T, void>>[] = []
  const request = () => {
    const next = items.next()
    // The consumer sees the error when it awaits the item.
    next.catch(() => undefined)
    requested.push(next)
  }
  for (let n = 0; n < DEPTH; n++) request()
  try {
    for (let next = requested.shift(); next; next = requested.shift()) {
      const { done, value } = await next
      if (done) return
      request()
      // Lets the request leave before this item keeps the process busy.
      await nextTurn()
      yield value as T
    }
  } finally {
    await items.return().catch(() => undefined)
  }
}

/** A list in chunks of at most `size`. */
export function* chunks<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size)
}
