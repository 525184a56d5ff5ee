import type { Json, JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/json.ts'
import { getAt, type Pointer, parsePointer, printPointer } from '../../crest/pointer.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import { removeAt, setAt } from '../../crest/protocol/write-at.ts'
import type { AgreedField, AgreedValues } from '../../repo/links/agreement-store.ts'
import type { FieldChange } from '../../repo/runs/run-row.ts'
import { isRelationship, type Mapping, type Property } from '../mapping/mapping.ts'
import { isWithin, type Leaves, leavesAt, leavesOf, NOTHING, type ValueDigests } from './agreement-fields.ts'
import { hasEffect } from './difference.ts'
import { isPrefix } from './mapper.ts'

/** What a mapping makes of its source, beside what its target shows. */
export interface Sides {
  readonly wanted: JsonObject
  readonly shown: JsonObject
}

export type KnownFields = ReadonlyMap<string, AgreedField>

/** The properties that agreements are about: relationships are compared edge by edge. */
export const agreeable = ({ properties }: Pick<Mapping, 'properties'>): Property[] =>
  properties.filter(
    (property) => !isRelationship(property) && property.target.length > 0 && !IDENTITY.has(property.target[0] ?? ''),
  )

const IDENTITY: ReadonlySet<string> = new Set(['_id', '_rev'])

/** The property that a field belongs to; undefined = a hook has changed it. */
export const propertyOf = (properties: readonly Property[], field: Pointer): Property | undefined =>
  properties.find(({ target }) => isPrefix(target, field) || isPrefix(field, target))

/** The places within `outer` that one of the sides has a value at, or that are known. */
export function placesIn(outer: string, known: KnownFields, ...sides: readonly Leaves[]): string[] {
  const places = new Set(sides.flatMap((leaves) => [...leaves.keys()]))
  for (const field of known.keys()) if (isWithin(field, outer)) places.add(field)
  return [...places]
}

/** Collects what is agreed about one link. */
export class AgreedRecord {
  readonly fields = new Map<string, AgreedField | null>()
  readonly #known: KnownFields
  readonly #digests: ValueDigests

  constructor(known: KnownFields, digests: ValueDigests) {
    this.#known = known
    this.#digests = digests
  }

  /** All fields within `outer` are agreed on. */
  agree(outer: string, wanted: Leaves, shown: Leaves): void {
    for (const place of placesIn(outer, this.#known, wanted, shown)) {
      const last = this.#values(wanted.get(place), shown.get(place))
      const isNothing = last.wanted === NOTHING && last.shown === NOTHING
      // Objects have members in place of it.
      if (isNothing && !wanted.has(place)) this.#forget(place)
      else if (!this.#isKnown(place, last)) this.fields.set(place, { last })
    }
  }

  /** Those of the fields that are the same on both sides are agreed on. */
  agreeWhereSame(outer: string, wanted: Leaves, shown: Leaves, except: readonly string[] = []): void {
    for (const place of placesIn(outer, this.#known, wanted, shown)) {
      if (except.some((field) => isWithin(place, field))) continue
      const last = this.#values(wanted.get(place), shown.get(place))
      if (last.wanted !== last.shown) continue
      if (last.wanted === NOTHING && !wanted.has(place)) this.#forget(place)
      else if (!this.#isKnown(place, last)) this.fields.set(place, { last })
    }
  }

  /** These are agreed on if a write is carried out. @param scope see `lastAt` */
  await(outer: string, scope: string, wanted: Leaves, shown: Leaves, evidence: 'wanted' | 'shown'): void {
    for (const place of placesIn(outer, this.#known, wanted, shown)) {
      const { last } = lastAt(place, scope, this.#known) ?? {}
      this.fields.set(place, { last, awaited: { ...this.#values(wanted.get(place), shown.get(place)), evidence } })
    }
  }

  /** Whether a write has changed what a mapping makes of its source, and nothing else had changed that before. */
  changesWith(property: Property, before: Sides, after: Sides): boolean {
    const [[earlier], [now]] = [leavesOfProperty(property, before), leavesOfProperty(property, after)]
    const [field, digests] = [fieldOf(property), this.#digests]
    const places = placesIn(field, this.#known, earlier, now)
    const isAgreed = places.every((place) => {
      const last = lastAt(place, field, this.#known)?.last
      return last === undefined || last.wanted === digests.of(earlier.get(place))
    })
    return isAgreed && places.some((place) => digests.of(earlier.get(place)) !== digests.of(now.get(place)))
  }

  /** What takes the place of this record when its write was not carried out. */
  get former(): Map<string, AgreedField | null> {
    return new Map([...this.fields.keys()].map((field) => [field, this.#known.get(field) ?? null]))
  }

  #values(wanted: Json | undefined, shown: Json | undefined): AgreedValues {
    return { wanted: this.#digests.of(wanted), shown: this.#digests.of(shown) }
  }

  #isKnown(place: string, { wanted, shown }: AgreedValues): boolean {
    const known = this.#known.get(place)
    return known !== undefined && !known.awaited && known.last?.wanted === wanted && known.last.shown === shown
  }

  #forget(place: string): void {
    if (this.#known.has(place)) this.fields.set(place, null)
  }
}

/**
 * What is known about a place. If nothing is, but something about the property that it is part of, it was empty.
 * @param scope the target of the property
 */
export function lastAt(place: string, scope: string, known: KnownFields): AgreedField | undefined {
  const own = known.get(place)
  if (own) return own
  const isKnown = [...known.keys()].some((field) => isWithin(field, scope) || isWithin(scope, field))
  return isKnown ? { last: { wanted: NOTHING, shown: NOTHING } } : undefined
}

/** The leaves of a change on both sides. */
export const leavesOfChange = ({ field, from, to }: FieldChange): readonly [wanted: Leaves, shown: Leaves] => {
  const place = parsePointer(field)
  return [leavesOf(to, place), leavesOf(from, place)]
}

/** The leaves of a property on both sides. */
export const leavesOfProperty = ({ target }: Property, { wanted, shown }: Sides): readonly [Leaves, Leaves] => [
  leavesAt(wanted, target),
  leavesAt(shown, target),
]

/**
 * The properties of the opposite mapping whose values follow from fields that a mapping has written: what it makes of them,
 * and where they came from, belong together whatever its transforms are.
 * @param written fields of the target
 */
export function followers(
  own: readonly Property[],
  opposite: readonly Property[],
  written: readonly Pointer[],
): { readonly sure: Property[]; readonly open: Property[] } {
  const sources = own.filter(({ target }) => written.some((field) => isRelated(target, field)))
  const paired = opposite.filter(({ source = [], target }) =>
    sources.some((property) => isRelated(property.source ?? [], target) && isRelated(source, property.target)),
  )
  const isSure = ({ source = [] }: Property) => source.length > 0 && written.some((field) => isPrefix(field, source))
  return { sure: paired.filter(isSure), open: paired.filter((property) => !isSure(property)) }
}

const isRelated = (left: Pointer, right: Pointer): boolean => isPrefix(left, right) || isPrefix(right, left)

export const fieldOf = ({ target }: Property): string => printPointer(target)

/** The fields that are written. */
export const fieldsOf = (changes: readonly FieldChange[]): Pointer[] =>
  changes.filter(hasEffect).map(({ field }) => parsePointer(field))

/** What a target shows after a change. An answer with nothing but the identity says nothing about fields. */
export function shownOf({ field, to }: FieldChange, answer: JsonObject): FieldChange['to'] {
  const isShown = Object.keys(answer).some((name) => name !== '_id' && name !== '_rev')
  return isShown ? (getAt(answer, parsePointer(field)) ?? null) : to
}

/** The object with the changes in it. */
export function withChanges(object: JsonObject, changes: readonly FieldChange[]): JsonObject {
  const after = copyJson(withoutIdentity(object))
  for (const { field, to, edges } of changes) {
    if (edges) continue
    if (to === null) removeAt(after, parsePointer(field))
    else setAt(after, parsePointer(field), to)
  }
  return { ...after, ...(object._id !== undefined && { _id: object._id }) }
}
