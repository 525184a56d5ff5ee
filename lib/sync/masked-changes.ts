import type { Json } from '../contract.ts'
import { isObject } from '../util/json.ts'

const STARS = '********'

/** What is nobody's business, by the name of its field. */
const SECRET_NAME = /pass(?:word|phrase|wd)|secret|credential|token|private_?key|api_?key|kbainfo|securityanswer/i

/** Changes of fields as a person may see them: secrets, and what stands encrypted or hashed, are stars. */
export const maskedChanges = (changes: readonly Json[]): Json[] =>
  changes.map((change) => {
    if (!isObject(change)) return change
    const isSecret = SECRET_NAME.test(String(change.field))
    const show = (value: Json | undefined): Json => (isSecret && value !== null ? STARS : masked(value ?? null))
    return { ...change, from: show(change.from), to: show(change.to) }
  })

function masked(value: Json): Json {
  if (Array.isArray(value)) return value.map(masked)
  if (!isObject(value)) return value
  if ('$crypto' in value) return STARS
  const shown = Object.entries(value).map(
    ([name, inner]) => [name, SECRET_NAME.test(name) ? STARS : masked(inner)] as const,
  )
  return Object.fromEntries(shown)
}
