import { LRUCache } from '../../core/lru-cache.ts'

/** The texts of filters have no end. */
const MAX_TEXTS = 300

const known = new LRUCache<string, string>({ max: MAX_TEXTS })

/** Writes the placeholders of a `Statement` as PostgreSQL has them: `$1`. None stands in a quoted text. */
export function numbered(text: string): string {
  const before = known.get(text)
  if (before !== undefined) return before
  let last = 0
  const translated = text.replace(/\?(\d*)/g, (_, digits: string) => {
    const number = digits === '' ? last + 1 : Number(digits)
    last = Math.max(last, number)
    return `$${number}`
  })
  known.set(text, translated)
  return translated
}
