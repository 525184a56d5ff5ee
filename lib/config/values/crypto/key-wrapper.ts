import type { Json } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import { decrypt, type EnvelopePlace, encrypt, type KeyRing, keyIdOf } from './crypto.ts'

/** The keys for values at rest. Both methods throw an Error if the configured keys cannot be read. */
export interface KeySource {
  current(): KeyRing | undefined
  /** Creates a first key if none exists. */
  ensure(): Promise<KeyRing>
  /** Reads them again. */
  refresh(): Promise<void>
}

/** Keys that stay as they are. */
export const fixedKeys = (ring: KeyRing): KeySource => ({
  current: () => ring,
  ensure: async () => ring,
  refresh: async () => undefined,
})

/** Encrypts data keys with the keys for values at rest. The encrypted form is the text of an envelope `{"$crypto": …}`. */
export class KeyWrapper {
  readonly #keys: KeySource

  constructor(keys: KeySource) {
    this.#keys = keys
  }

  /** Whether a key is configured, or was created. @throws Error if the keys cannot be read */
  get hasKey(): boolean {
    return this.#keys.current() !== undefined
  }

  /** Reads the keys again. */
  refresh(): Promise<void> {
    return this.#keys.refresh()
  }

  /**
   * @param place what the data key is for: it is decrypted only for the same
   * @throws Error when there is no key to encrypt it with
   */
  async wrap(dataKey: Uint8Array, place: string): Promise<string> {
    return JSON.stringify(encrypt(Buffer.from(dataKey).toString('base64'), await this.#keys.ensure(), placeOf(place)))
  }

  /** @throws Error without a subject, such as `is encrypted with the key "a", and no key is configured` */
  unwrap(wrapped: string, place: string): Uint8Array {
    const keys = this.#keys.current()
    if (!keys) throw new Error('is encrypted, and no key is configured')
    return Buffer.from(String(decrypt(envelopeOf(wrapped), keys, placeOf(place))), 'base64')
  }

  /** Whether it is encrypted with the key that encrypts now. */
  isCurrent(wrapped: string): boolean {
    return keyIdOf(envelopeOf(wrapped)) === this.#keys.current()?.first?.id
  }
}

const envelopeOf = (wrapped: string): Json => parseStoredJson(wrapped)

const placeOf = (place: string): EnvelopePlace => ({ id: 'data-key', pointer: [place], addresses: [] })
