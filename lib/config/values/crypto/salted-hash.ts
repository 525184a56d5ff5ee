/**
 * One-way hashes in IDM's form: `{"$crypto":{"type":"salted-hash","value":{"algorithm","data","config"?}}}`. `data` is
 * base64 of the hash followed by its salt, as the open-source server writes the SHA family. The order for PBKDF2 and
 * SCRYPT is not published; we use the same.
 */
import { createHash, pbkdf2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Json, JsonObject } from '../../../contract.ts'
import { type HashPurpose, HashSemaphore } from '../../../core/hash-semaphore.ts'
import { isObject } from '../../../core/json.ts'
import { bytesMember, cryptoValueOf, textMember } from './value.ts'

export const SALTED_HASH = 'salted-hash'
export const HASH_ALGORITHMS = ['SHA-256', 'SHA-384', 'SHA-512', 'PBKDF2', 'SCRYPT'] as const
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number]

const SALT_BYTES = 16
/** Max cost of a stored hash: it must not block the gateway. */
const MAX_ITERATIONS = 5_000_000
const MAX_SCRYPT_BYTES = 256 * 1024 * 1024

const DEFAULTS: Readonly<Record<HashAlgorithm, JsonObject | undefined>> = {
  'SHA-256': undefined,
  'SHA-384': undefined,
  'SHA-512': undefined,
  PBKDF2: { hashLength: 32, saltLength: SALT_BYTES, iterations: 600_000, hmac: 'SHA-256' },
  SCRYPT: { hashLength: 32, saltLength: SALT_BYTES, n: 32_768, r: 8, p: 1 },
}

const semaphore = new HashSemaphore()

export const isHashed = (value: Json | undefined): boolean => cryptoValueOf(value)?.type === SALTED_HASH

/**
 * Hashes a text with a random salt. Prefer SCRYPT unless IDM has to read the hash.
 * @param options in place of the defaults: `hashLength`, `saltLength`, `iterations`, `hmac`, `n`, `r`, `p`
 * @throws Error for an option out of range
 */
export async function hash(text: string, algorithm: HashAlgorithm, options: JsonObject = {}): Promise<JsonObject> {
  const defaults = DEFAULTS[algorithm]
  const config = defaults && { ...defaults, ...options }
  const salt = randomBytes(number({ saltLength: SALT_BYTES, ...options }, 'saltLength', 8, 64))
  const data = Buffer.concat([await digest(text, salt, algorithm, config), salt]).toString('base64')
  return { $crypto: { type: SALTED_HASH, value: { algorithm, data, ...(config && { config }) } } }
}

/**
 * Whether the text matches the hash; compares in constant time.
 * @throws Error for an unsupported algorithm or form; TooManyLogins
 */
export async function matches(text: string, hashed: Json, purpose: HashPurpose = 'other'): Promise<boolean> {
  const crypto = cryptoValueOf(hashed)
  if (crypto?.type !== SALTED_HASH) throw new Error('is not a salted hash')
  const algorithm = HASH_ALGORITHMS.find((name) => name === crypto.value.algorithm)
  if (!algorithm)
    throw new Error(
      `the hash algorithm "${textMember(crypto.value, 'algorithm').slice(0, 20)}" is not one of ${HASH_ALGORITHMS.join(', ')}`,
    )
  const config = isObject(crypto.value.config) ? crypto.value.config : undefined
  const data = bytesMember(crypto.value, 'data')
  const length = hashLength(algorithm, config)
  if (data.length <= length) throw new Error('the hash is too short for its algorithm')
  return timingSafeEqual(
    await digest(text, data.subarray(length), algorithm, config, purpose),
    data.subarray(0, length),
  )
}

/** Node's name for a hash function of the SHA families. */
function digestName(name: string): string {
  if (/^SHA3?-(?:256|384|512)$/.test(name)) return name.toLowerCase().replace(/^sha-/, 'sha')
  throw new Error('the hash\'s config: "hmac" must be SHA-256, SHA-384, SHA-512 or one of SHA3')
}

function hashLength(algorithm: HashAlgorithm, config: JsonObject | undefined): number {
  if (algorithm === 'PBKDF2' || algorithm === 'SCRYPT') return number(config, 'hashLength', 1, 1024)
  return Number(algorithm.slice(4)) / 8
}

async function digest(
  text: string,
  salt: Buffer,
  algorithm: HashAlgorithm,
  config: JsonObject | undefined,
  purpose: HashPurpose = 'other',
): Promise<Buffer> {
  const length = hashLength(algorithm, config)
  if (algorithm === 'PBKDF2') {
    const name = digestName(textMember(config ?? {}, 'hmac'))
    const iterations = number(config, 'iterations', 1, MAX_ITERATIONS)
    return semaphore.run(purpose, () => promisify(pbkdf2)(text, salt, iterations, length, name))
  }
  if (algorithm === 'SCRYPT') return semaphore.run(purpose, () => scryptDigest(text, salt, length, config))
  return createHash(digestName(algorithm)).update(text).update(salt).digest()
}

function scryptDigest(text: string, salt: Buffer, length: number, config: JsonObject | undefined): Promise<Buffer> {
  const [N, r, p] = [number(config, 'n', 2, 2 ** 24), number(config, 'r', 1, 64), number(config, 'p', 1, 64)]
  const memory = 128 * r * (N + p + 2)
  if (memory > MAX_SCRYPT_BYTES) throw new Error('the hash needs more than 256 MB of memory')
  return new Promise((resolve, reject) => {
    scrypt(text, salt, length, { N, r, p, maxmem: memory }, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function number(config: JsonObject | undefined, name: string, min: number, max: number): number {
  const value = config?.[name]
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new Error(`the hash's config: "${name}" must be a whole number from ${min} to ${max}`)
}
