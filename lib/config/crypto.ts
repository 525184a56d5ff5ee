import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Json, JsonObject } from '../contract.ts'
import type { KeyRing } from './crypto-keys.ts'
import { SALTED_HASH } from './crypto-salted-hash.ts'
import { decryptSimple, SIMPLE_ENCRYPTION } from './crypto-simple-encryption.ts'
import { bytesMember, cryptoValueOf, jsonOf, refused, textMember } from './crypto-value.ts'

export { generateKey, KeyRing, parseKeys, readKeys } from './crypto-keys.ts'
export { hash, isHashed, matches } from './crypto-salted-hash.ts'

const OURS = 'x-external-idm-encryption'
const CIPHER = 'AES/GCM/NoPadding'
const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts a JSON value at rest, with the first key:
 * ```json
 * { "$crypto": { "type": "x-external-idm-encryption",
 *     "value": { "cipher": "AES/GCM/NoPadding", "keyId": "2026-11", "iv": "…", "data": "…", "tag": "…" } } }
 * ```
 * AES-256-GCM over the value's JSON text in UTF-8; `iv` 12 random bytes, `tag` 16 bytes, all in base64. The additional
 * authenticated data is the JSON text `["x-external-idm-encryption","AES/GCM/NoPadding",keyId]`: an envelope cannot be
 * passed off as one of another kind or key. It may be moved to another place, as when an object is copied.
 * @throws Error with a sentence when the first key is not one of 32 bytes
 */
export function encrypt(value: Json, keys: KeyRing): JsonObject {
  const { first } = keys
  if (first?.key.symmetricKeySize !== KEY_BYTES)
    throw new Error('nothing is encrypted: the first key must be one of 32 bytes')
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', first.key, iv, { authTagLength: TAG_BYTES }).setAAD(boundTo(first.id))
  const data = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
  const [ivText, dataText, tag] = [iv, data, cipher.getAuthTag()].map((bytes) => bytes.toString('base64'))
  const members = { cipher: CIPHER, keyId: first.id, iv: ivText ?? '', data: dataText ?? '', tag: tag ?? '' }
  return { $crypto: { type: OURS, value: members } }
}

/**
 * The value in an envelope of ours or of IDM's.
 * @throws Error with a sentence: no such key, wrong key, altered value, unknown kind; it shows nothing of the value
 */
export function decrypt(envelope: Json, keys: KeyRing): Json {
  const crypto = cryptoValueOf(envelope)
  if (!crypto) throw new Error('"$crypto" must be an object {"type", "value"}')
  if (crypto.type === OURS) return decryptOurs(crypto.value, keys)
  if (crypto.type === SIMPLE_ENCRYPTION) return decryptSimple(crypto.value, keys)
  if (crypto.type === SALTED_HASH) throw new Error('is a salted hash, which nobody can decrypt')
  throw new Error(`"$crypto": the type must be "${OURS}" or "${SIMPLE_ENCRYPTION}"`)
}

/** Whether the value is an envelope that `decrypt` is meant for, of whatever type; a salted hash is none. */
export function isEncrypted(value: Json | undefined): boolean {
  const crypto = cryptoValueOf(value)
  return crypto !== undefined && crypto.type !== SALTED_HASH
}

/** The key that encrypted an envelope of ours; undefined for one of another kind. */
export function keyIdOf(envelope: Json): string | undefined {
  const crypto = cryptoValueOf(envelope)
  return crypto?.type === OURS ? textMember(crypto.value, 'keyId') : undefined
}

function decryptOurs(value: JsonObject, keys: KeyRing): Json {
  if (textMember(value, 'cipher') !== CIPHER) throw new Error(`"$crypto": the cipher must be "${CIPHER}"`)
  const keyId = textMember(value, 'keyId')
  const key = keys.find(keyId)
  const [iv, tag, data] = [
    bytesMember(value, 'iv', IV_BYTES),
    bytesMember(value, 'tag', TAG_BYTES),
    bytesMember(value, 'data'),
  ]
  if (key.symmetricKeySize !== KEY_BYTES) throw refused(keyId)
  const cipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(boundTo(keyId)).setAuthTag(tag)
  return jsonOf(finish(() => Buffer.concat([cipher.update(data), cipher.final()]), keyId))
}

function finish(decipher: () => Buffer, keyId: string): Buffer {
  try {
    return decipher()
  } catch {
    throw refused(keyId)
  }
}

const boundTo = (keyId: string): Buffer => Buffer.from(JSON.stringify([OURS, CIPHER, keyId]))
