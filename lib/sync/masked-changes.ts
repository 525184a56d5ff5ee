import type { Json } from '../contract.ts'
import type { FieldChange } from '../repo/run-rows.ts'
import { isObject } from '../util/json.ts'

const STARS = '********'

/** What is nobody's business, by the name of its field. */
const SECRET_NAME = /pass(?:word|phrase|wd)|secret|credential|token|private_?key|api_?key|kbainfo|securityanswer/i

/**
 * Changes of fields as a person may see them: secrets, and what stands encrypted or hashed, are stars.
 * @param secrets fields that are secret besides, as `differences` writes fields; undefined = nobody knows which, and all are stars
 */
export const maskedChanges = (changes: readonly FieldChange[], secrets: ReadonlySet<string> | undefined): Json[] =>
  changes.map(({ field, from, to, ...flags }) => {
    const show = (value: Json): Json => (isSecret(field, secrets) ? stars(value) : masked(value, field, secrets))
    return { field, from: show(from), to: show(to), ...flags }
  })

const stars = (value: Json): Json => (value === null ? null : STARS)

/** By its own name, or within a field that is secret. */
function isSecret(field: string, secrets: ReadonlySet<string> | undefined): boolean {
  if (!secrets || SECRET_NAME.test(field)) return true
  const names = field.split('/')
  return names.some((_, index) => secrets.has(names.slice(0, index + 1).join('/')))
}

function masked(value: Json, field: string, secrets: ReadonlySet<string> | undefined): Json {
  if (Array.isArray(value)) return value.map((one) => masked(one, field, secrets))
  if (!isObject(value)) return value
  if ('$crypto' in value) return STARS
  const shown = Object.entries(value).map(([name, inner]) => {
    const place = `${field}/${name}`
    return [name, isSecret(place, secrets) ? STARS : masked(inner, place, secrets)] as const
  })
  return Object.fromEntries(shown)
}
