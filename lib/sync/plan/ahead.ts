import { setImmediate as turn } from 'node:timers/promises'

/** So many are asked for before they are wanted: the next one leaves as soon as the one before is there. */
const DEPTH = 2

/** The same items, asked for while others are worked on. */
export async function* ahead<T>(items: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  const asked: Promise<IteratorResult<T, void>>[] = []
  const ask = () => {
    const next = items.next()
    // Whoever asks for it sees the failure.
    next.catch(() => undefined)
    asked.push(next)
  }
  for (let n = 0; n < DEPTH; n++) ask()
  try {
    for (let next = asked.shift(); next; next = asked.shift()) {
      const { done, value } = await next
      if (done) return
      ask()
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
