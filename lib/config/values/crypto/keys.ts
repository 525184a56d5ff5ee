import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { readFileBounded } from '../../files/file-read.ts'

/** The keys, or the file with them. Several keys allow rotation. */
export const KEYS_VARIABLE = 'IDM_CRYPTO_KEYS'
export const KEYS_FILE_VARIABLE = 'IDM_CRYPTO_KEYS_FILE'

const FORM = 'write each as ID:KEY, the key 32 bytes in base64 or hex'
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const HEX = /^(?:[0-9A-Fa-f]{2})+$/
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/
/** AES-128, 192 and 256. Keys of IDM may be short; ours have 32 bytes. */
const KEY_SIZES: ReadonlySet<number> = new Set([16, 24, 32])

export interface EncryptionKey {
  readonly id: string
  /** A KeyObject does not print its key. */
  readonly key: KeyObject
}

/** The keys for values at rest: the first encrypts, all decrypt. */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, KeyObject>

  constructor(keys: readonly EncryptionKey[]) {
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]))
  }

  /** The key that encrypts. */
  get first(): EncryptionKey | undefined {
    const [entry] = this.#keys
    return entry && { id: entry[0], key: entry[1] }
  }

  get ids(): string[] {
    return [...this.#keys.keys()]
  }

  /** These keys, then those of `others`. */
  with(others: KeyRing): KeyRing {
    const more = [...others.#keys].filter(([id]) => !this.#keys.has(id))
    return new KeyRing([...this.#keys, ...more].map(([id, key]) => ({ id, key })))
  }

  /** @throws Error when there is no such key */
  find(id: string): KeyObject {
    const key = this.#keys.get(id)
    if (key) return key
    const known = this.ids.length > 0 ? `the configured keys are ${this.ids.join(', ')}` : 'no key is configured'
    throw new Error(
      `is encrypted with the key "${id.slice(0, 64)}", and ${known} (see ${KEYS_VARIABLE}, ${KEYS_FILE_VARIABLE})`,
    )
  }
}

/**
 * Parses keys separated by line breaks or commas: `ID:KEY`, or `KEY`, whose id is then the start of its SHA-256. Lines
 * that start with # are comments.
 * @param origin where the text comes from, for messages
 * @throws Error that names the position of the key and does not quote it
 */
export function parseKeys(text: string, origin: string): KeyRing {
  const lines = text.split(/\r?\n/).filter((line) => !line.trimStart().startsWith('#'))
  const words = lines.flatMap((line) => line.split(',')).map((word) => word.trim())
  const keys = words
    .filter((word) => word !== '')
    .map((word, index) => parseKey(word, `${origin}: key number ${index + 1}`))
  if (keys.length === 0) throw new Error(`${origin}: holds no key; ${FORM}`)
  const double = keys.find(({ id }, index) => keys.findIndex((other) => other.id === id) !== index)
  if (double) throw new Error(`${origin}: two keys have the id "${double.id}"`)
  return new KeyRing(keys)
}

function parseKey(word: string, origin: string): EncryptionKey {
  const colon = word.lastIndexOf(':')
  const text = word.slice(colon + 1).trim()
  const bytes = HEX.test(text) ? Buffer.from(text, 'hex') : BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
  if (!bytes || !KEY_SIZES.has(bytes.length))
    throw new Error(`${origin} is not 32 bytes in base64 or hex (16 or 24 for one of IDM's)`)
  const id = colon === -1 ? createHash('sha256').update(bytes).digest('hex').slice(0, 8) : word.slice(0, colon).trim()
  if (!ID.test(id)) throw new Error(`${origin} has an id that is not made of letters, digits, ".", "_" and "-"`)
  return { id, key: createSecretKey(bytes) }
}

/** Generates a key in the form of files and variables: `ID:KEY`. */
export function generateKey(id: string = new Date().toISOString().slice(0, 10)): string {
  return `${id}:${randomBytes(32).toString('base64')}`
}

export interface KeyLocation {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Fallback when the environment names no keys; may be absent. */
  readonly file?: string | undefined
}

/**
 * The keys of the environment (IDM_CRYPTO_KEYS, or the file in IDM_CRYPTO_KEYS_FILE), else those of the file.
 * @returns undefined when none are configured
 * @throws Error when they cannot be read or parsed
 */
export function readKeys({ env, file }: KeyLocation): KeyRing | undefined {
  const [keys, named] = [env[KEYS_VARIABLE], env[KEYS_FILE_VARIABLE]]
  if (keys) return parseKeys(keys, KEYS_VARIABLE)
  if (named) return readKeyFile(named, true)
  return file === undefined ? undefined : readKeyFile(file, false)
}

function readKeyFile(file: string, isRequired: boolean): KeyRing | undefined {
  let text: string
  try {
    text = readFileBounded(file).bytes.toString('utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !isRequired) return undefined
    throw new Error(`${file}: the keys cannot be read (${code ?? message})`)
  }
  return parseKeys(text, file)
}
