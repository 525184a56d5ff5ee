import type { Json, JsonObject } from '../contract.ts'
import { badRequest } from '../crest/errors.ts'
import { getAt, type Pointer, printPointer } from '../crest/pointer.ts'
import { isObject } from '../util/json.ts'

const STARS = '********'

/**
 * What callers see in place of a secret that stands in the file in clear. Vendor clients know the form as an encrypted
 * value that they may put back as it is; `data` tells us that it is only a mask.
 */
const MASK: JsonObject = {
  $crypto: {
    type: 'x-simple-encryption',
    value: {
      cipher: 'AES/CBC/PKCS5Padding',
      stableId: 'openidm-sym-default',
      purpose: 'idm.config.encryption',
      keySize: 16,
      salt: STARS,
      iv: STARS,
      data: STARS,
      mac: STARS,
    },
  },
}

export const isMask = (value: Json | undefined): boolean =>
  value !== undefined && getAt(value, ['$crypto', 'value', 'data']) === STARS

/** `content` with a mask in place of every secret at one of `fields`. */
export const maskSecrets = (content: JsonObject, fields: readonly Pointer[]): JsonObject =>
  fields.reduce((masked, field) => mapAt(masked, field, (value) => (isShown(value) ? value : MASK)), content)

/**
 * `content` with the stored secret wherever a caller put its mask back.
 * @throws badRequest for a mask that stands for nothing, or anywhere else than where it was shown: a secret cannot be
 * moved to a field in which it would be seen
 */
export function restoreSecrets(content: JsonObject, stored: JsonObject, fields: readonly Pointer[]): JsonObject {
  const restored = fields.reduce(
    (object, field) => mapAt(object, field, (value) => (isMask(value) ? (getAt(stored, field) ?? value) : value)),
    content,
  )
  const left = findMask(restored, [])
  if (left === undefined) return restored
  throw badRequest(
    `${printPointer(left)}: a masked secret can only be put back where it is stored; give the value itself`,
  )
}

/** Replaces the value at a pointer, if there is one, in a copy. */
export function mapAt(object: JsonObject, [name = '', ...rest]: Pointer, change: (value: Json) => Json): JsonObject {
  if (!Object.hasOwn(object, name)) return object
  const inner = object[name] ?? null
  if (rest.length === 0) return { ...object, [name]: change(inner) }
  return isObject(inner) ? { ...object, [name]: mapAt(inner, rest, change) } : object
}

function findMask(value: Json, path: Pointer): Pointer | undefined {
  if (isMask(value)) return path
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, inner] of Object.entries(value)) {
    const found = findMask(inner, [...path, name])
    if (found) return found
  }
  return undefined
}

const EXPRESSION_WRAPPERS: ReadonlySet<string> = new Set(['$object', '$base64:decode', '$base64:encode'])

/** What may be shown of a secret field: nothing at all, an expression, a reference, an encrypted value. */
function isShown(value: Json): boolean {
  if (value === null || value === '') return true
  if (typeof value === 'string') return isExpression(value)
  if (!isObject(value)) return false
  const [[name, inner] = ['', null], ...others] = Object.entries(value)
  if (others.length > 0) return false
  if (EXPRESSION_WRAPPERS.has(name)) return typeof inner === 'string' && isExpression(inner)
  return (name === '$purpose' || name === '$crypto') && isObject(inner)
}

/** Expressions and nothing else: text around them, or a default inside them, would be a secret in clear. */
function isExpression(text: string): boolean {
  let rest = text
  for (let before = ''; before !== rest; ) {
    before = rest
    rest = rest.replace(/&\{[^&{}|]+\}/g, '_')
  }
  return text.startsWith('&{') && /^_+$/.test(rest)
}
