import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../contract.ts'
import { hideUserInfo, mapSecrets, STARS } from '../../core/hidden-secrets.ts'
import { badRequest } from '../../crest/errors.ts'
import { getAt, type Pointer, printPointer } from '../../crest/pointer.ts'
import {
  decrypt,
  type EnvelopePlace,
  encrypt,
  isBound,
  isEncrypted,
  type KeyRing,
  keyIdOf,
} from '../values/crypto/crypto.ts'
import { isMask, isReference } from '../values/mask.ts'
import { addressesOf, type FieldRules, newAddresses, placeIn } from '../values/secret-place.ts'

export interface SecretKeys {
  /** Keys for values at rest; undefined while there are none. Throws when they cannot be read. */
  atRest(): KeyRing | undefined
  /** Keys for secrets shown over REST: the first encrypts, all decrypt. */
  shown(): KeyRing
}

/** A change of one object. */
export interface Change {
  readonly id: string
  readonly rules: FieldRules
  /** The content of the file; undefined for a new object. */
  readonly stored: JsonObject | undefined
  /** Whether the request contains this property. Default: yes. */
  readonly isGiven?: (pointer: Pointer) => boolean
}

interface Sealed {
  readonly value: Json
  readonly place: EnvelopePlace
  readonly envelope: JsonObject
}

/**
 * Configuration objects as callers see them: each secret is replaced by an envelope that is bound to its place. An object
 * can be exported, deleted and imported, but a secret cannot be moved to where it would be shown or sent elsewhere.
 */
export class SecretView {
  readonly #keys: SecretKeys
  /** Envelopes by object and pointer: an unchanged secret is shown as the same envelope. */
  readonly #sealed = new Map<string, Map<string, Sealed>>()

  constructor(keys: SecretKeys) {
    this.#keys = keys
  }

  show(id: string, content: JsonObject, rules: FieldRules): JsonObject {
    const placeOf = placeIn(id, addressesOf(content, rules))
    const secret = (value: Json, pointer: Pointer): Json =>
      isReference(value) || isHash(value) || isBound(value) ? value : this.#seal(value, placeOf(pointer))
    return mapSecrets(content, { ...optionsOf(rules), secret, text: hideUserInfo }) as JsonObject
  }

  /** Called for each write: an unchanged envelope would confirm a guessed secret. */
  forget(id: string): void {
    this.#sealed.delete(id)
  }

  /**
   * Returns the content to store: shown secrets are replaced by the stored ones, older envelopes are bound, and clear
   * text in secret fields is encrypted if there are keys.
   * @throws badRequest that names every secret that has to be given
   */
  restore(given: JsonObject, change: Change): JsonObject {
    const options = optionsOf(change.rules)
    const text = (value: string, pointer: Pointer) => withUserInfo(value, getAt(change.stored ?? {}, pointer), pointer)
    const content = mapSecrets(given, { ...options, secret: keep, text }) as JsonObject
    const restoring = new Restoring(change, content, this.#keys)
    const secret = (value: Json, pointer: Pointer) => restoring.value(value, pointer)
    const restored = mapSecrets(content, { ...options, secret, text: keep }) as JsonObject
    if (restoring.faults.length > 0)
      throw badRequest(`The configuration ${change.id} is not stored: ${restoring.faults.join('; ')}`)
    return restored
  }

  #seal(value: Json, place: EnvelopePlace): JsonObject {
    const pointer = printPointer(place.pointer)
    const sealed = this.#sealed.get(place.id) ?? new Map<string, Sealed>()
    this.#sealed.set(place.id, sealed)
    const known = sealed.get(pointer)
    if (known && isDeepStrictEqual([known.value, known.place], [value, place])) return known.envelope
    const envelope = encrypt(value, this.#keys.shown(), place)
    sealed.set(pointer, { value, place, envelope })
    return envelope
  }
}

const keep = <T extends Json>(value: T): T => value

const optionsOf = ({ secretFields }: FieldRules) => ({
  isSecret: (place: Pointer) => secretFields.some((field) => isDeepStrictEqual(field, place)),
  wholeObjects: false,
})

const isHash = (value: Json): boolean => getAt(value, ['$crypto', 'type']) === 'salted-hash'

const ELSEWHERE = 'the encrypted value opens only where it was read, with the same addresses and on the same gateway'
const CURE = 'give the secret itself or an expression such as &{my.secret}'

/** Restores the secrets of one change. */
class Restoring {
  readonly faults: string[] = []
  readonly #change: Change
  readonly #atRest: KeyRing | undefined
  readonly #shown: KeyRing
  readonly #newAddresses: readonly string[]
  readonly #placeOf: (pointer: Pointer) => EnvelopePlace
  readonly #placeBefore: ((pointer: Pointer) => EnvelopePlace) | undefined

  constructor(change: Change, content: JsonObject, keys: SecretKeys) {
    const { id, stored, rules } = change
    const addresses = addressesOf(content, rules)
    const before = stored && addressesOf(stored, rules)
    this.#change = change
    this.#atRest = keys.atRest()
    this.#shown = keys.shown()
    this.#newAddresses = before ? newAddresses(before, addresses) : []
    this.#placeOf = placeIn(id, addresses)
    this.#placeBefore = before && placeIn(id, before)
  }

  /** The value to store; null after a fault. */
  value(value: Json, pointer: Pointer): Json {
    const stored = getAt(this.#change.stored ?? {}, pointer)
    if (value === STARS || isMask(value))
      return this.#kept(stored, pointer, 'nothing is stored here that stars could stand for')
    if (isBound(value)) return this.#bound(value, stored, pointer)
    if (isEncrypted(value)) {
      const isSame = isDeepStrictEqual(value, stored)
      return this.#kept(
        isSame ? stored : undefined,
        pointer,
        'an encrypted value of an older kind is taken from the file alone',
      )
    }
    const isLeft = this.#change.isGiven?.(pointer) === false && value !== null && value !== ''
    return isLeft ? this.#kept(value, pointer, '') : this.#protected(value, pointer)
  }

  #kept(stored: Json | undefined, pointer: Pointer, absent: string): Json {
    if (stored === undefined) return this.#refuse(pointer, `${absent}; ${CURE}`)
    if (this.#newAddresses.length > 0) return this.#refuseAddress(pointer)
    if (!isBound(stored)) return this.#protected(stored, pointer)
    const opened = this.#open(stored, pointer)
    // Keep what cannot be decrypted here: its key may come back.
    return opened === undefined ? stored : this.#bind(opened, stored, pointer)
  }

  #bound(given: Json, stored: Json | undefined, pointer: Pointer): Json {
    if (isDeepStrictEqual(given, stored) && this.#newAddresses.length === 0) return this.#kept(stored, pointer, '')
    const opened = this.#open(given, pointer)
    if (opened === undefined)
      return this.#wasShown(given, pointer)
        ? this.#refuseAddress(pointer)
        : this.#refuse(pointer, `${ELSEWHERE}; ${CURE}`)
    const before = isBound(stored) ? this.#open(stored ?? null, pointer) : stored
    if (stored !== undefined && isDeepStrictEqual(opened, before)) return this.#kept(stored, pointer, '')
    return this.#atRest ? this.#bind(opened, given, pointer) : opened
  }

  /** Encrypts `opened` for its place; reuses `envelope` if it already is. */
  #bind(opened: Json, envelope: Json, pointer: Pointer): Json {
    if (isEncrypted(opened)) return this.#protected(opened, pointer)
    const isGood = keyIdOf(envelope) === this.#shown.first?.id
    const place = this.#placeOf(pointer)
    return isGood && tryOpen(envelope, this.#shown, place) !== undefined
      ? envelope
      : encrypt(opened, this.#shown, place)
  }

  /** Undefined when it does not decrypt. With fewer addresses than before, the previous place is also accepted. */
  #open(envelope: Json, pointer: Pointer): Json | undefined {
    const before = this.#newAddresses.length === 0 ? this.#placeBefore : undefined
    for (const place of [this.#placeOf, before]) {
      const opened = place && tryOpen(envelope, this.#shown, place(pointer))
      if (opened !== undefined) return opened
    }
    return undefined
  }

  #wasShown(envelope: Json, pointer: Pointer): boolean {
    return this.#placeBefore !== undefined && tryOpen(envelope, this.#shown, this.#placeBefore(pointer)) !== undefined
  }

  /** The value to store: encrypted and bound to its place if possible. */
  #protected(value: Json, pointer: Pointer): Json {
    const isDeclared = this.#change.rules.secretFields.some((field) => isDeepStrictEqual(field, pointer))
    if (!this.#atRest) return value
    if (isEncrypted(value)) {
      // A value that IDM encrypted may be for IDM, unless it is in a field that we use.
      const clear = keyIdOf(value) !== undefined || isDeclared ? tryOpen(value, this.#shown) : undefined
      return clear === undefined ? value : encrypt(clear, this.#atRest, this.#placeOf(pointer))
    }
    const isClear = typeof value === 'string' && value !== '' && !value.includes('&{')
    return isDeclared && isClear ? encrypt(value, this.#atRest, this.#placeOf(pointer)) : value
  }

  #refuse(pointer: Pointer, reason: string): Json {
    this.faults.push(`${printPointer(pointer)}: ${reason}`)
    return null
  }

  #refuseAddress(pointer: Pointer): Json {
    return this.#refuse(
      pointer,
      `must be given again in the same request, since ${this.#newAddresses.join(' and ')} changes where it is sent; ${CURE}`,
    )
  }
}

function tryOpen(envelope: Json, keys: KeyRing, place?: EnvelopePlace): Json | undefined {
  try {
    return decrypt(envelope, keys, place)
  } catch {
    return undefined
  }
}

const HIDDEN_USER_INFO = `://${STARS}@`

/**
 * Replaces the stars in a URL by the stored user info, if the rest of the URL is the stored one.
 * @throws badRequest when no such URL is stored
 */
function withUserInfo(given: string, stored: Json | undefined, pointer: Pointer): string {
  if (!given.includes(HIDDEN_USER_INFO)) return given
  const before = typeof stored === 'string' ? stored : ''
  if (given === hideUserInfo(before)) return before
  const urls = new Map([...before.matchAll(/:\/\/[^\s"'<>]+/g)].map(([url]) => [hideUserInfo(url), url] as const))
  return given.replace(/:\/\/[^\s"'<>]+/g, (url) => {
    const known = urls.get(url) ?? (url.includes(HIDDEN_USER_INFO) ? undefined : url)
    if (known !== undefined) return known
    throw badRequest(
      `${printPointer(pointer)}: the user name and password of the URL have to be given: stars stand only for what is stored with the same address`,
    )
  })
}
