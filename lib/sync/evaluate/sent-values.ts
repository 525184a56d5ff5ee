import { createHmac } from 'node:crypto'
import { isEncrypted, isHashed } from '../../config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import type { FieldChange, Row } from '../../repo/run-rows.ts'
import type { SentValue, SentValueStore } from '../../repo/sent-value-store.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { Statistics } from '../statistics.ts'
import { differences, isEmpty, isSame } from './difference.ts'
import type { LinkSpace } from './link-space.ts'
import { isPrefix, type Mapper } from './mapper.ts'

export interface SentValuesParts {
  readonly store: SentValueStore
  readonly mapping: Mapping
  readonly mapper: Mapper
  readonly links: LinkSpace
  readonly statistics: Statistics
}

/**
 * Values that targets do not show as they were sent. A target that never shows a field (a password) would be written in
 * every run: such a field is sent once, and again when the value that would be sent has changed. A target that keeps
 * another value than it was sent (trimmed, in lower case) is written in every run, and named.
 */
export class SentValues {
  readonly #parts: SentValuesParts
  readonly #hidden = new Set<string>()
  #key: Buffer = Buffer.alloc(0)
  /** Nothing is kept for the mapping, and no property says `writeOnly`. */
  #isIdle = true

  constructor(parts: SentValuesParts) {
    this.#parts = parts
  }

  /** Resolves when what is kept for the mapping is known. */
  async load(): Promise<this> {
    const { store, mapping } = this.#parts
    const { hidden, isEmpty } = await store.fields(mapping.name)
    for (const field of hidden) this.#hidden.add(field)
    this.#isIdle = isEmpty && !mapping.properties.some(({ writeOnly }) => writeOnly)
    this.#key = await store.digestKey()
    return this
  }

  /** Takes out of the updates what need not be sent, and marks what cannot be seen and what was sent before in vain. */
  async review(rows: readonly Row[]): Promise<void> {
    if (this.#isIdle) return
    this.#unhide(rows)
    const open = rows.filter(({ action, changes }) => action === 'UPDATE' && changes !== null && changes.length > 0)
    if (open.length === 0) return
    const { store, mapping } = this.#parts
    const kept = await store.ofTargets(mapping.name, [...new Set(open.map((row) => this.#target(row)))])
    const byPlace = new Map(kept.map((value) => [placeOf(value.target, value.qualifier, value.field), value] as const))
    for (const row of open) {
      const judged = (row.changes ?? []).map((change) => {
        const known = byPlace.get(placeOf(this.#target(row), row.qualifier, change.field))
        return this.#judge(row, change, known)
      })
      row.changes = judged.filter((change) => change !== undefined)
    }
  }

  /** Compares the answer to a write with what was sent. */
  async note(row: Row, targetId: string, sent: readonly FieldChange[], answer: JsonObject): Promise<void> {
    // An answer of nothing but the identity tells nothing about fields.
    if (!Object.keys(answer).some((name) => name !== '_id' && name !== '_rev')) return
    const { store, mapping, statistics, links } = this.#parts
    const place = { qualifier: row.qualifier, target: links.targetKey(targetId) }
    const found: SentValue[] = []
    for (const { field, to } of sent) {
      const shown = getAt(answer, parsePointer(field)) ?? null
      if (isSame(shown, to)) {
        if (!this.#isIdle) await store.remove(mapping.name, { ...place, field })
        continue
      }
      const isHidden = isEmpty(shown)
      if (isHidden) this.#hidden.add(field)
      else if (!isSealed(shown)) statistics.field('notTakenOver', field)
      found.push({ ...place, field, digest: this.#digest(to), shown: isHidden ? null : this.#digest(shown) })
    }
    if (found.length === 0) return
    this.#isIdle = false
    await store.put(mapping.name, found)
  }

  /** A target that was found is taken to hold what a property would set and it does not show: later changes are sent. */
  async adopt(row: Row, targetId: string): Promise<void> {
    const { store, mapping, mapper, links } = this.#parts
    if (this.#isIdle || !links.enabled || !row.source) return
    const [mapped] = await mapper.map([{ source: row.source, onto: {}, linkQualifier: row.qualifier }])
    if (!mapped || mapped instanceof Error) return
    const place = { qualifier: row.qualifier, target: links.targetKey(targetId), shown: null }
    const fields = differences({}, mapped).filter(({ field }) => this.#isHidden(field) && !this.#isForFound(field))
    await store.put(
      mapping.name,
      fields.map(({ field, to }) => ({ ...place, field, digest: this.#digest(to) })),
    )
  }

  /** The pair is no pair any more. */
  async forget({ qualifier }: Row, targetKey: string): Promise<void> {
    if (!this.#isIdle) await this.#parts.store.remove(this.#parts.mapping.name, { qualifier, target: targetKey })
  }

  /** A field that any target shows is not hidden: where another lacks it, it was cleared or never taken over. */
  #unhide(rows: readonly Row[]): void {
    for (const field of this.#hidden) {
      const pointer = parsePointer(field)
      if (rows.some(({ target }) => target && !isEmpty(getAt(target, pointer) ?? null))) this.#hidden.delete(field)
    }
  }

  /** undefined = it need not be sent. */
  #judge({ link }: Row, change: FieldChange, known: SentValue | undefined): FieldChange | undefined {
    const { field, from, to } = change
    if (isEmpty(from) && !isEmpty(to) && this.#isHidden(field)) {
      if (link === null && this.#parts.links.enabled && !this.#isForFound(field)) return undefined
      return known?.shown === null && known.digest === this.#digest(to) ? undefined : { ...change, unseen: true }
    }
    const isAgain = known?.digest === this.#digest(to) && known.shown === this.#digest(from)
    // It cannot be compared; but it is as our own write left it, and the same would be sent.
    if (isAgain && isSealed(from)) return undefined
    return isAgain ? { ...change, again: true } : change
  }

  #isHidden(field: string): boolean {
    return this.#hidden.has(field) || this.#property(field)?.writeOnly === true
  }

  #isForFound(field: string): boolean {
    return this.#property(field)?.writeOnFound === true
  }

  #property(field: string) {
    const pointer = parsePointer(field)
    return this.#parts.mapping.properties.find(({ target }) => isPrefix(target, pointer))
  }

  #target({ targetId }: Row): string {
    return this.#parts.links.targetKey(targetId ?? '')
  }

  #digest(value: Json): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(value, inOrder)).digest('base64')
  }
}

/** A managed object of ours shows an encrypted password as its envelope. */
const isSealed = (value: Json): boolean => isEncrypted(value) || isHashed(value)

const placeOf = (...parts: readonly string[]): string => parts.join('\u0000')

/** Two objects that differ in the order of their members say the same. */
const inOrder = (_name: string, value: unknown): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))) : value
