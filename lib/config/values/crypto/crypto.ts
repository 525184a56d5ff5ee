import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../../contract.ts'
import { printPointer } from '../../../crest/pointer.ts'
import type { KeyRing } from './keys.ts'
import { SALTED_HASH } from './salted-hash.ts'
import { decryptSimple, SIMPLE_ENCRYPTION } from './simple-encryption.ts'
import { bytesMember, type CryptoValue, cryptoValueOf, jsonOf, refused, textMember } from './value.ts'

export { generateKey, KeyRing, parseKeys, readKeys } from './keys.ts'
export { hash, isHashed, matches } from './salted-hash.ts'

const OURS = 'x-external-idm-encryption'
const CIPHER = 'AES/GCM/NoPadding'
const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

/** The only place where a bound envelope decrypts. */
export interface EnvelopePlace {
  /** Id of the configuration object, such as `external.idm/eu`. */
  readonly id: string
  /** Member names, outermost first. */
  readonly pointer: readonly string[]
  /** The addresses that the secret is sent to: field and value of each. */
  readonly addresses: readonly (readonly [field: string, value: Json])[]
}

/**
 * Encrypts a JSON value, with the first key:
 * ```json
 * { "$crypto": { "type": "x-external-idm-encryption",
 *     "value": { "cipher": "AES/GCM/NoPadding", "keyId": "2026-11", "boundTo": { "id": "external.idm/eu", "pointer": "/password" },
 *       "iv": "…", "data": "…", "tag": "…" } } }
 * ```
 * AES-256-GCM over the value's JSON text in UTF-8; `iv` 12 random bytes, `tag` 16 bytes, all in base64. The additional
 * authenticated data is the JSON text `["x-external-idm-encryption","AES/GCM/NoPadding",keyId]`: an envelope cannot be
 * passed off as one of another kind or key. With a place it also contains `"bound"`, id, pointer and addresses: the
 * envelope decrypts only there, and only while the addresses stay the same. `boundTo` is for messages.
 * @throws Error when the first key does not have 32 bytes
 */
export function encrypt(value: Json, keys: KeyRing, place?: EnvelopePlace): JsonObject {
  const { first } = keys
  if (first?.key.symmetricKeySize !== KEY_BYTES)
    throw new Error('nothing is encrypted: the first key must be one of 32 bytes')
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', first.key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(authenticatedData(first.id, place))
  const data = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
  const [ivText, dataText, tag] = [iv, data, cipher.getAuthTag()].map((bytes) => bytes.toString('base64'))
  const bound = place && { boundTo: shortForm(place) }
  const members = { cipher: CIPHER, keyId: first.id, ...bound, iv: ivText ?? '', data: dataText ?? '', tag: tag ?? '' }
  return { $crypto: { type: OURS, value: members } }
}

/**
 * Decrypts an envelope of ours or of IDM.
 * @param place where it was found; required for bound envelopes
 * @throws Error that does not quote the value: unknown key, wrong key, altered value, other place, unknown kind
 */
export function decrypt(envelope: Json, keys: KeyRing, place?: EnvelopePlace): Json {
  const crypto = cryptoValueOf(envelope)
  if (!crypto) throw new Error('"$crypto" must be an object {"type", "value"}')
  if (crypto.type === OURS) return decryptOurs(crypto.value, keys, place)
  if (crypto.type === SIMPLE_ENCRYPTION) return decryptSimple(crypto.value, keys)
  if (crypto.type === SALTED_HASH) throw new Error('is a salted hash, which cannot be decrypted')
  throw new Error(`"$crypto": the type must be "${OURS}" or "${SIMPLE_ENCRYPTION}"`)
}

/** Whether the value is an envelope for `decrypt`, of any type. A salted hash is not. */
export function isEncrypted(value: Json | undefined): boolean {
  const crypto = cryptoValueOf(value)
  return crypto !== undefined && crypto.type !== SALTED_HASH
}

/** The key id of an envelope of ours; undefined for other kinds. */
export function keyIdOf(envelope: Json): string | undefined {
  const crypto = cryptoValueOf(envelope)
  return crypto?.type === OURS ? textMember(crypto.value, 'keyId') : undefined
}

/** Whether an envelope is bound to a place. Older ones of ours and those of IDM decrypt anywhere. */
export const isBound = (envelope: Json | undefined): boolean => boundTo(cryptoValueOf(envelope)) !== undefined

function boundTo(crypto: CryptoValue | undefined): Json | undefined {
  return crypto?.type === OURS && Object.hasOwn(crypto.value, 'boundTo') ? crypto.value.boundTo : undefined
}

function decryptOurs(value: JsonObject, keys: KeyRing, place: EnvelopePlace | undefined): Json {
  if (textMember(value, 'cipher') !== CIPHER) throw new Error(`"$crypto": the cipher must be "${CIPHER}"`)
  const keyId = textMember(value, 'keyId')
  const bound = boundTo({ type: OURS, value })
  if (bound !== undefined && !isDeepStrictEqual(bound, place && shortForm(place)))
    throw new Error('was encrypted for another place in the configuration, and opens nowhere else')
  const key = keys.find(keyId)
  const [iv, tag, data] = [
    bytesMember(value, 'iv', IV_BYTES),
    bytesMember(value, 'tag', TAG_BYTES),
    bytesMember(value, 'data'),
  ]
  if (key.symmetricKeySize !== KEY_BYTES) throw refused(keyId)
  const cipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(authenticatedData(keyId, bound === undefined ? undefined : place)).setAuthTag(tag)
  const finish = () => Buffer.concat([cipher.update(data), cipher.final()])
  return jsonOf(finished(finish, bound !== undefined && place ? refusedAt(keyId, place) : refused(keyId)))
}

function finished(decipher: () => Buffer, failure: Error): Buffer {
  try {
    return decipher()
  } catch {
    throw failure
  }
}

function refusedAt(keyId: string, { addresses }: EnvelopePlace): Error {
  if (addresses.length === 0) return refused(keyId)
  const fields = addresses.map(([field]) => field).join(', ')
  return new Error(
    `cannot be decrypted with the key "${keyId}": ${fields} changed since it was encrypted, it is another key of that name, or the value was altered`,
  )
}

const shortForm = ({ id, pointer }: EnvelopePlace) => ({ id, pointer: printPointer(pointer) })

const authenticatedData = (keyId: string, place: EnvelopePlace | undefined): Buffer =>
  Buffer.from(
    JSON.stringify([OURS, CIPHER, keyId, ...(place ? ['bound', place.id, place.pointer, place.addresses] : [])]),
  )
