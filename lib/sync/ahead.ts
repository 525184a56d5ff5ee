import { setImmediate as turn } from 'node:timers/promises'

/** The same items, each asked for while the one before is worked on. */
export async function* ahead<T>(items: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  let next = items.next()
  try {
    for (;;) {
      const { done, value } = await next
      if (done) return
      next = items.next()
      // Whoever asks for it sees the failure.
      next.catch(() => undefined)
      // Only asked: the question leaves before the work on this one keeps the process busy.
      await turn()
      yield value as T
    }
  } finally {
    await items.return().catch(() => undefined)
  }
}

/** A list in pieces of at most `size`. */
export function* pieces<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size)
}
