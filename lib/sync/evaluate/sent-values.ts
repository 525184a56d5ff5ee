import { createHmac } from 'node:crypto'
import { isEncrypted, isHashed } from '../../config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import type { FieldChange, Row } from '../../repo/runs/run-row.ts'
import type { SentValue, SentValueStore } from '../../repo/runs/sent-value-store.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { Statistics } from '../statistics.ts'
import { differences, isEmpty, isSame } from './difference.ts'
import type { LinkSpace } from './link-space.ts'
import { isPrefix, type Mapper } from './mapper.ts'

export interface SentValuesOptions {
  readonly store: SentValueStore
  readonly mapping: Mapping
  readonly mapper: Mapper
  readonly links: LinkSpace
  readonly statistics: Statistics
}

/**
 * Values that targets do not show as they were sent. A target that never shows a field (a password) would be updated in
 * every run: such a field is sent once, and again when its value changes. A target that stores another value than it was
 * sent (trimmed, in lower case) is updated in every run, and reported.
 */
export class SentValues {
  readonly #parts: SentValuesOptions
  readonly #hidden = new Set<string>()
  #key: Uint8Array = new Uint8Array()
  /** Nothing is stored for the mapping, and no property is `writeOnly`. */
  #isIdle = true

  constructor(parts: SentValuesOptions) {
    this.#parts = parts
  }

  /** Loads what is stored for the mapping. */
  async load(): Promise<this> {
    const { store, mapping } = this.#parts
    const { hidden, isEmpty } = await store.fields(mapping.name)
    for (const field of hidden) this.#hidden.add(field)
    this.#isIdle = isEmpty && !mapping.properties.some(({ writeOnly }) => writeOnly)
    this.#key = await store.digestKey()
    return this
  }

  /** Fields that targets do not show as far as it is known, for another node. */
  get hidden(): readonly string[] {
    return [...this.#hidden]
  }

  /** Takes over what another node has found. */
  learn(hidden: readonly string[]): void {
    for (const field of hidden) this.#hidden.add(field)
    this.#isIdle &&= hidden.length === 0
  }

  /** Removes changes that need not be sent, and marks those that cannot be verified or were sent before without effect. */
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
        return this.#review(row, change, known)
      })
      row.changes = judged.filter((change) => change !== undefined)
    }
  }

  /** Compares the answer to a write with the sent values. */
  async note(row: Row, targetId: string, sent: readonly FieldChange[], answer: JsonObject): Promise<void> {
    // An answer with nothing but the identity says nothing about fields.
    if (!Object.keys(answer).some((name) => name !== '_id' && name !== '_rev')) return
    const { store, mapping, statistics, links } = this.#parts
    const place = { qualifier: row.qualifier, target: links.targetKey(targetId) }
    const found: SentValue[] = []
    const same: string[] = []
    // Without a pause: once the write is counted, others rely on what is hidden.
    for (const { field, to } of sent) {
      const shown = getAt(answer, parsePointer(field)) ?? null
      if (isSame(shown, to)) {
        same.push(field)
        continue
      }
      const isHidden = isEmpty(shown)
      if (isHidden) this.#hidden.add(field)
      else if (!isSealed(shown)) statistics.field('notTakenOver', field)
      found.push({ ...place, field, digest: this.#digest(to), shown: isHidden ? null : this.#digest(shown) })
    }
    if (!this.#isIdle) for (const field of same) await store.remove(mapping.name, { ...place, field })
    if (found.length === 0) return
    this.#isIdle = false
    await store.put(mapping.name, found)
  }

  /** Assumes that a target found by correlation has the values that it does not show: only later changes are sent. */
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

  /** Forgets a pair that is no longer linked. */
  async forget({ qualifier }: Row, targetKey: string): Promise<void> {
    if (!this.#isIdle) await this.#parts.store.remove(this.#parts.mapping.name, { qualifier, target: targetKey })
  }

  /** A field that any target shows is not hidden: other targets without it have no value. */
  #unhide(rows: readonly Row[]): void {
    for (const field of this.#hidden) {
      const pointer = parsePointer(field)
      if (rows.some(({ target }) => target && !isEmpty(getAt(target, pointer) ?? null))) this.#hidden.delete(field)
    }
  }

  /** @returns undefined when the change need not be sent */
  #review({ link }: Row, change: FieldChange, known: SentValue | undefined): FieldChange | undefined {
    const { field, from, to } = change
    if (isEmpty(from) && !isEmpty(to) && this.#isHidden(field)) {
      if (link === null && this.#parts.links.enabled && !this.#isForFound(field)) return undefined
      return known?.shown === null && known.digest === this.#digest(to) ? undefined : { ...change, unseen: true }
    }
    const isAgain = known?.digest === this.#digest(to) && known.shown === this.#digest(from)
    // An encrypted value cannot be compared, but the target is as the last write left it.
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

/** Managed objects of this gateway show an encrypted password as its envelope. */
const isSealed = (value: Json): boolean => isEncrypted(value) || isHashed(value)

const placeOf = (...parts: readonly string[]): string => parts.join('\u0000')

/** Sorts the members of objects: their order does not matter. */
const inOrder = (_name: string, value: unknown): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))) : value
