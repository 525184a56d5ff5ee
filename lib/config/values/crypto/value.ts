import type { Json, JsonObject } from '../../../contract.ts'
import { isObject, parseJson } from '../../../core/json.ts'

/** The content of `$crypto`. */
export interface CryptoValue {
  readonly type: string
  readonly value: JsonObject
}

/** Reads `{"$crypto":{"type","value"}}`; undefined for anything else. */
export function cryptoValueOf(json: Json | undefined): CryptoValue | undefined {
  if (!isObject(json) || !Object.hasOwn(json, '$crypto') || Object.keys(json).length !== 1) return undefined
  const crypto = json.$crypto
  if (!isObject(crypto) || typeof crypto.type !== 'string' || !isObject(crypto.value)) return undefined
  return { type: crypto.type, value: crypto.value }
}

/** @throws Error that does not quote the member */
export function textMember(value: JsonObject, name: string): string {
  const member = Object.hasOwn(value, name) ? value[name] : undefined
  if (typeof member !== 'string') throw new Error(`"$crypto": the member "${name}" must be a text`)
  return member
}

/** @throws as {@link textMember} */
export function bytesMember(value: JsonObject, name: string, length?: number): Buffer {
  const text = textMember(value, name)
  const bytes = Buffer.from(text, 'base64')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || (length !== undefined && bytes.length !== length))
    throw new Error(
      `"$crypto": the member "${name}" must be ${length === undefined ? '' : `${length} bytes in `}base64`,
    )
  return bytes
}

/** @throws Error that does not quote the text */
export function jsonOf(plain: Buffer): Json {
  try {
    return parseJson(plain.toString('utf8'))
  } catch {
    throw new Error('the decrypted value is not JSON')
  }
}

export const refused = (keyId: string): Error =>
  new Error(`cannot be decrypted with the key "${keyId}": it is another key of that name, or the value was altered`)
