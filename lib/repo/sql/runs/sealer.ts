import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'

/** The columns that hold personal data. A released number is never given to another column. */
export const SEALED_COLUMNS = {
  ...{ content: 1, reason: 2, failure: 3, changes: 4, work: 5, resume: 6 },
  ...{ image: 7, outcome: 8 },
  ...{ oldObject: 9, newObject: 10, lastError: 11 },
} as const

export type SealedColumn = keyof typeof SEALED_COLUMNS

/** What a column holds: text, as earlier versions stored it, or a sealed value. */
export type Stored = string | Uint8Array | null

/** What text that is not sealed begins with in a column of bytes. */
export const PLAIN = 0

/** What a data key belongs to. */
export const ownerOf = (run: number): string => (run === 0 ? 'the queue' : `reconciliation number ${run}`)

const CIPHER = 'aes-256-gcm'
const VERSION = 1
const KEY_ID_BYTES = 6
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES
/** Nonces that are drawn at a time. */
const NONCES = 512

/** The id of a new data key: random, so that two databases do not use the same. */
export const MAX_KEY_ID = 2 ** (8 * KEY_ID_BYTES) - 1

/**
 * Encrypts values of runs with the data key of their run (0 for events of queued synchronization): AES-256-GCM with a random nonce. A sealed value consists of
 * version (1 byte), id of the data key (6), nonce (12), ciphertext and tag (16). The additional authenticated data is the
 * first seven bytes, the column and the row: a value cannot be decrypted in another place.
 */
export class Sealer {
  readonly #keys = new Map<number, KeyObject>()
  /** The data key that seals new values of a run. */
  readonly #current = new Map<number, number>()
  readonly #nonces = Buffer.alloc(NONCES * NONCE_BYTES)
  #nextNonce = this.#nonces.length
  readonly #bound = Buffer.alloc(1 + KEY_ID_BYTES + 1 + 8)

  open(id: number, key: Uint8Array): void {
    this.#keys.set(id, createSecretKey(key))
  }

  isOpen(id: number): boolean {
    return this.#keys.has(id)
  }

  use(run: number, id: number): void {
    this.#current.set(run, id)
  }

  forget(run: number, ids: readonly number[]): void {
    this.#current.delete(run)
    for (const id of ids) this.#keys.delete(id)
  }

  /** @param run 0 for events @throws Error when it has no data key: nothing is stored in clear text */
  seal(run: number, column: SealedColumn, row: number, text: string): Uint8Array {
    const id = this.#current.get(run)
    const key = id === undefined ? undefined : this.#keys.get(id)
    if (id === undefined || !key) throw new Error(`${ownerOf(run)} has no key: nothing of it is stored`)
    const nonce = this.#nonce()
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(this.#boundTo(id, column, row))
    const data = cipher.update(text, 'utf8')
    cipher.final()
    const sealed = Buffer.allocUnsafe(HEADER_BYTES + data.length + TAG_BYTES)
    this.#bound.copy(sealed, 0, 0, 1 + KEY_ID_BYTES)
    nonce.copy(sealed, 1 + KEY_ID_BYTES)
    data.copy(sealed, HEADER_BYTES)
    cipher.getAuthTag().copy(sealed, HEADER_BYTES + data.length)
    return sealed
  }

  /** @throws Error that does not quote the value: its data key is not open, or it was altered or moved */
  unseal(column: SealedColumn, row: number, stored: Stored): string | null {
    if (stored === null || typeof stored === 'string') return stored
    const sealed = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)
    if (sealed[0] === PLAIN) return sealed.toString('utf8', 1)
    if (sealed.length < HEADER_BYTES + TAG_BYTES || sealed[0] !== VERSION) throw new Error('it is not a sealed value')
    const id = sealed.readUIntBE(1, KEY_ID_BYTES)
    const key = this.#keys.get(id)
    if (!key) throw new Error('the key that it is encrypted with is missing')
    const nonce = sealed.subarray(1 + KEY_ID_BYTES, HEADER_BYTES)
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(this.#boundTo(id, column, row)).setAuthTag(sealed.subarray(-TAG_BYTES))
    try {
      return decipher.update(sealed.subarray(HEADER_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      throw new Error('it was altered, or belongs to another row')
    }
  }

  #boundTo(id: number, column: SealedColumn, row: number): Buffer {
    const bound = this.#bound
    bound[0] = VERSION
    bound.writeUIntBE(id, 1, KEY_ID_BYTES)
    bound[1 + KEY_ID_BYTES] = SEALED_COLUMNS[column]
    bound.writeDoubleBE(row, 2 + KEY_ID_BYTES)
    return bound
  }

  #nonce(): Buffer {
    if (this.#nextNonce === this.#nonces.length) {
      randomFillSync(this.#nonces)
      this.#nextNonce = 0
    }
    const nonce = this.#nonces.subarray(this.#nextNonce, this.#nextNonce + NONCE_BYTES)
    this.#nextNonce += NONCE_BYTES
    return nonce
  }
}
