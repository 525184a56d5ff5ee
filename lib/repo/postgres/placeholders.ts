import { LRUCache } from '../../core/lru-cache.ts'

/** The texts of filters have no end. */
const MAX_TEXTS = 300
/** How often a text is sent until the server is to keep its plan, and how many plans each connection keeps. */
const PREPARED_AFTER = 3
const MAX_PREPARED = 200
/** Texts for many rows differ by the number of rows. */
const MAX_PREPARED_LENGTH = 2000

/** A statement as PostgreSQL has it. */
export interface NativeStatement {
  readonly text: string
  /** The server keeps the plan of the text under this name. */
  readonly name?: string
}

interface Known {
  readonly text: string
  uses: number
  name: string | undefined
}

const known = new LRUCache<string, Known>({ max: MAX_TEXTS })
let prepared = 0

/**
 * Writes the placeholders of a `Statement` as PostgreSQL has them: `$1`. None stands in a quoted text. A text that comes
 * again gets a name: to parse and plan it takes the server longer than to carry it out.
 */
export function native(text: string): NativeStatement {
  const before = known.get(text) ?? { text: numbered(text), uses: 0, name: undefined }
  if (before.uses === 0) known.set(text, before)
  before.uses += 1
  if (before.uses === PREPARED_AFTER && prepared < MAX_PREPARED && text.length <= MAX_PREPARED_LENGTH) {
    prepared += 1
    before.name = `s${prepared}`
  }
  return before.name === undefined ? { text: before.text } : { text: before.text, name: before.name }
}

function numbered(text: string): string {
  let last = 0
  return text.replace(/\?(\d*)/g, (_, digits: string) => {
    const number = digits === '' ? last + 1 : Number(digits)
    last = Math.max(last, number)
    return `$${number}`
  })
}
