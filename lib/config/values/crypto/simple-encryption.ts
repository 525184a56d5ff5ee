/**
 * IDM's envelope, which we read but never write: `x-simple-encryption` with AES/CBC/PKCS5Padding. Its format is not
 * published; these are the two versions of the open-source server:
 * - without `mac`: the data is encrypted with the key itself;
 * - with `salt` and `mac`: HKDF-SHA-256 derives the cipher key (info "AES") and the MAC key (info "HmacSHA256") from key
 *   and salt; the MAC is the first half of HMAC-SHA-256 over name and value of all other members, sorted by name.
 * The MAC is checked before decryption: an unknown later format is refused, never misread.
 */
import { createDecipheriv, createHmac, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Json, JsonObject } from '../../../contract.ts'
import type { KeyRing } from './keys.ts'
import { bytesMember, jsonOf, refused, textMember } from './value.ts'

export const SIMPLE_ENCRYPTION = 'x-simple-encryption'
const CIPHER = 'AES/CBC/PKCS5Padding'
const MAC_KEY_BYTES = 32
const MAC_BYTES = 16
const IV_BYTES = 16

/** @throws Error: unknown key, wrong key, altered value, or unsupported kind */
export function decryptSimple(value: JsonObject, keys: KeyRing): Json {
  const cipher = textMember(value, 'cipher')
  if (cipher !== CIPHER) throw new Error(`"$crypto": the cipher must be "${CIPHER}": others are not supported`)
  const keyId = textMember(value, Object.hasOwn(value, 'stableId') ? 'stableId' : 'key')
  const key = keys.find(keyId)
  const isAuthentic = Object.hasOwn(value, 'mac')
  if (isAuthentic && !hasValidMac(value, key)) throw refused(keyId)
  const cipherKey = isAuthentic ? derive(key, value, 'AES', cipherKeySize(value, key)) : key.export()
  return jsonOf(decipher(cipherKey, value, keyId))
}

function decipher(key: Buffer, value: JsonObject, keyId: string): Buffer {
  const iv = bytesMember(value, 'iv', IV_BYTES)
  const data = bytesMember(value, 'data')
  const cipher = createDecipheriv(`aes-${key.length * 8}-cbc`, key, iv)
  try {
    return Buffer.concat([cipher.update(data), cipher.final()])
  } catch {
    throw refused(keyId)
  }
}

function hasValidMac(value: JsonObject, key: KeyObject): boolean {
  const hmac = createHmac('sha256', derive(key, value, 'HmacSHA256', MAC_KEY_BYTES))
  for (const name of Object.keys(value).sort()) if (name !== 'mac') hmac.update(name).update(String(value[name]))
  return timingSafeEqual(hmac.digest().subarray(0, MAC_BYTES), bytesMember(value, 'mac', MAC_BYTES))
}

const derive = (key: KeyObject, value: JsonObject, info: string, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', key, bytesMember(value, 'salt'), info, length))

/** `keySize` is in bytes, in some releases in bits; the default is the length of the key. */
function cipherKeySize({ keySize }: JsonObject, key: KeyObject): number {
  if (keySize === undefined) return key.symmetricKeySize ?? 0
  const bytes = typeof keySize === 'number' && keySize > 32 ? keySize / 8 : keySize
  if (bytes === 16 || bytes === 24 || bytes === 32) return bytes
  throw new Error('"$crypto": the member "keySize" must be 16, 24 or 32')
}
