/** Runs of one script that are handed to a thread together. */
export interface Batch {
  /** Of the first one. */
  readonly start: number
  readonly items: readonly string[]
}

export interface BatchesOptions {
  readonly count: number
  /** The variables of one run as text; undefined = it is not run. Made when it is needed: together they may be much. */
  readonly item: (index: number) => string | undefined
  /** How many batches are under way at a time. */
  readonly parallel: number
}

/** A batch has one thread from its begin to its end: others shall have it too. */
const MAX_ITEMS = 250
/** In characters, unless one item alone has more: a thread holds all of a batch. */
const MAX_LENGTH = 8_000_000

/** Cuts `count` runs into batches: by number, by size, and so that there are enough of them to be run in parallel. */
export function* batches({ count, item, parallel }: BatchesOptions): Generator<Batch> {
  const most = Math.min(MAX_ITEMS, Math.ceil(count / parallel))
  let items: string[] = []
  let start = 0
  let length = 0
  for (let index = 0; index < count; index++) {
    const text = item(index)
    const isFull = items.length >= most || length + (text?.length ?? 0) > MAX_LENGTH
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
