/** Runs of one script that a thread executes together. */
export interface Batch {
  /** The index of the first one. */
  readonly start: number
  readonly items: readonly string[]
}

export interface BatchesOptions {
  readonly count: number
  /** The variables of one run as text; undefined = skip it. Called lazily, since all of them may be large. */
  readonly item: (index: number) => string | undefined
  /** Max concurrent batches. */
  readonly parallel: number
}

/** A batch occupies a thread from start to end: a limit leaves threads for others. */
const MAX_ITEMS = 250
/** Max characters of a batch with more than one item: a thread holds the whole batch in memory. */
const MAX_LENGTH = 8_000_000

/** Splits `count` runs into batches limited in number and size, and enough of them to run in parallel. */
export function* batches({ count, item, parallel }: BatchesOptions): Generator<Batch> {
  const maxItems = Math.min(MAX_ITEMS, Math.ceil(count / parallel))
  let items: string[] = []
  let start = 0
  let length = 0
  for (let index = 0; index < count; index++) {
    const text = item(index)
    const isFull = items.length >= maxItems || length + (text?.length ?? 0) > MAX_LENGTH
    if (items.length > 0 && (text === undefined || isFull)) {
      yield { start, items }
      items = []
    }
    if (text === undefined) continue
    if (items.length === 0) {
      start = index
      length = 0
    }
    items.push(text)
    length += text.length
  }
  if (items.length > 0) yield { start, items }
}
