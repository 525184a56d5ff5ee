import type { JsonObject } from '../../contract.ts'
import { matches } from '../../crest/filter/evaluate.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import { getAt, type Pointer, printPointer } from '../../crest/pointer.ts'
import { orderKey } from '../../repo/objects/order-key.ts'
import { wantedFields, wantedValues } from './wanted-values.ts'

interface Planned {
  readonly key: string
  readonly content: JsonObject
}

/**
 * The targets that earlier sources of one page claim or will create; claims of earlier pages are in the database. A
 * source that correlates with one of them finds a target that is already linked.
 */
export class PageClaims {
  readonly #claimed = new Map<string, Set<string>>()
  readonly #planned = new Map<string, Planned[]>()
  readonly #fields: ReadonlyMap<string, Pointer>

  /** @param filters the correlation filters of the page */
  constructor(filters: readonly QueryFilter[]) {
    this.#fields = new Map(filters.flatMap(wantedFields).map((field) => [printPointer(field), field] as const))
  }

  claim(targetKey: string, qualifier: string, source: string): void {
    const name = placeOf(targetKey, qualifier)
    this.#claimed.set(name, (this.#claimed.get(name) ?? new Set()).add(source))
  }

  /** Whether another source claims the target. */
  isTaken(targetKey: string, qualifier: string, source: string): boolean {
    return [...(this.#claimed.get(placeOf(targetKey, qualifier)) ?? [])].some((other) => other !== source)
  }

  create(key: string, content: JsonObject): void {
    for (const [name, field] of this.#fields) {
      const found = getAt(content, field) ?? null
      for (const value of Array.isArray(found) ? found : [found]) {
        if (value === null) continue
        const place = placeOf(name, orderKey(value))
        this.#planned.set(place, [...(this.#planned.get(place) ?? []), { key, content }])
      }
    }
  }

  /** The keys of the targets that will be created and match `filter`. */
  matching(filter: QueryFilter): string[] {
    const candidates = (wantedValues(filter) ?? []).flatMap(
      ({ field, value }) => this.#planned.get(placeOf(field, orderKey(value))) ?? [],
    )
    return [...new Set(candidates.filter(({ content }) => matches(filter, content)).map(({ key }) => key))]
  }
}

const placeOf = (name: string, value: string): string => `${name}\u0000${value}`
