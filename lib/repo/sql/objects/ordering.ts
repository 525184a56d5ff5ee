import type { JsonObject } from '../../../contract.ts'
import { decodeCookie, encodeCookie } from '../../../crest/protocol/page-cookie.ts'
import type { SortKey } from '../../../crest/protocol/request.ts'
import { sortValue } from '../../../crest/protocol/sort.ts'
import { ABSENT, orderKey } from '../../objects/order-key.ts'

/** The place of an object in an order: the order key of each sort value, and its id, which settles the rest. */
export interface Place {
  readonly keys: readonly string[]
  readonly id: string
}

const ID: SortKey = { field: ['_id'], ascending: true }

/** The order that a query asks for, always ending with the id, as crest/page.ts has it in memory. */
export class Ordering {
  readonly #sortKeys: readonly SortKey[]

  constructor(sortKeys: readonly SortKey[]) {
    this.#sortKeys = [...sortKeys, ID]
  }

  get first(): SortKey {
    return this.#sortKeys[0] ?? ID
  }

  /** With the id at the end. */
  get sortKeys(): readonly SortKey[] {
    return this.#sortKeys
  }

  /** The place of an object. */
  placeAt(object: JsonObject): Place {
    const keys = this.#sortKeys.map(({ field }) => {
      const value = sortValue(object, field)
      return value === undefined ? ABSENT : orderKey(value)
    })
    return { keys, id: String(object._id) }
  }

  compare = (left: Place, right: Place): number => {
    for (const [index, { ascending }] of this.#sortKeys.entries()) {
      const order = compareKeys(left.keys[index] ?? ABSENT, right.keys[index] ?? ABSENT, ascending)
      if (order !== 0) return order
    }
    return compareTexts(left.id, right.id)
  }

  cookieOf(object: JsonObject): string {
    return encodeCookie(
      this.#sortKeys,
      this.#sortKeys.map(({ field }) => sortValue(object, field)),
    )
  }

  /** @throws badRequest when the cookie is not one for this order */
  placeOf(cookie: string): Place {
    const values = decodeCookie(this.#sortKeys, cookie)
    return { keys: values.map((value) => (value === undefined ? ABSENT : orderKey(value))), id: String(values.at(-1)) }
  }
}

/** What is absent comes last in either direction. */
export function compareKeys(left: string, right: string, ascending: boolean): number {
  if (left === ABSENT || right === ABSENT) return Number(left === ABSENT) - Number(right === ABSENT)
  return ascending ? compareTexts(left, right) : compareTexts(right, left)
}

const compareTexts = (left: string, right: string): number => (left < right ? -1 : Number(left > right))
