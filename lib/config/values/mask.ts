import type { Json } from '../../contract.ts'
import { STARS } from '../../core/hidden-secrets.ts'
import { isObject } from '../../core/json.ts'
import { getAt } from '../../crest/pointer.ts'

/** An IDM envelope with stars in it, which earlier versions showed for a secret. Exports may contain it. */
export const isMask = (value: Json | undefined): boolean =>
  value !== undefined && getAt(value, ['$crypto', 'value', 'data']) === STARS

const EXPRESSION_WRAPPERS: ReadonlySet<string> = new Set(['$object', '$base64:decode', '$base64:encode'])

/** Whether a secret field can be shown as it is: it is empty, an expression, or a reference. */
export function isReference(value: Json): boolean {
  if (value === null || value === '') return true
  if (typeof value === 'string') return isExpression(value)
  if (!isObject(value)) return false
  const [[name, inner] = ['', null], ...others] = Object.entries(value)
  if (others.length > 0) return false
  if (EXPRESSION_WRAPPERS.has(name)) return typeof inner === 'string' && isExpression(inner)
  return name === '$purpose' && isObject(inner)
}

/** Expressions only: text around them, or a default inside them, could be a secret in clear text. */
function isExpression(text: string): boolean {
  let rest = text
  for (let before = ''; before !== rest; ) {
    before = rest
    rest = rest.replace(/&\{[^&{}|]+\}/g, '_')
  }
  return text.startsWith('&{') && /^_+$/.test(rest)
}
