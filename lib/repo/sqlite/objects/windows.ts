import { ABSENT, coarse } from '../../objects/order-key.ts'
import { type RawBuilder, select, sql } from '../database/kysely.ts'
import type { Session } from '../database/session.ts'
import type { PropertyIndex } from './property-index.ts'

/** A bounded part of a type's objects. */
export interface Window {
  /** Goes behind `from`: the rows of `object` as `o`, after what leads to them. */
  readonly source: RawBuilder<unknown>
  readonly condition: RawBuilder<unknown>
  /** With an index in the order asked for: nothing in this window and behind it comes before this key. */
  readonly firstKey?: string | undefined
}

export type Windows = Generator<Window, void, undefined>

/** All objects of `type` in the order they were made. */
export function* windowsByAge(session: Session, type: string, size: number): Windows {
  const source = sql`object as o`
  let from = 0
  while (true) {
    const [end] = session.all<{ key: number }>(
      'select key from object where type = ? and key > ? order by key limit 1 offset ?',
      [type, from, size - 1],
    )
    if (!end) return yield { source, condition: sql`o.key > ${from}` }
    yield { source, condition: sql`o.key > ${from} and o.key <= ${end.key}` }
    from = end.key
  }
}

/** How many objects windows hold: the first one, and then ever twice as many up to the last number. */
export interface Sizes {
  readonly first: number
  readonly last: number
}

/** All objects from `start` (an order key) on, in the order of an index; those without the property come last. */
export function* windowsByProperty(
  session: Session,
  { key: property }: PropertyIndex,
  ascending: boolean,
  start: string | undefined,
  sizes: Sizes,
): Windows {
  const stretch = new Stretch(session, property, sizes)
  const firstKey = start === undefined ? undefined : coarse(start)
  if (ascending) return yield* stretch.upwards(firstKey ?? '')
  if (firstKey !== ABSENT) yield* stretch.downwards(firstKey)
  yield* stretch.upwards(ABSENT)
}

interface Position {
  readonly order_key: string
  readonly object: number
}

interface Direction {
  readonly behind: RawBuilder<unknown>
  readonly upTo: RawBuilder<unknown>
  readonly order: RawBuilder<unknown>
}
const UP: Direction = { behind: sql`>`, upTo: sql`<=`, order: sql`asc` }
const DOWN: Direction = { behind: sql`<`, upTo: sql`>=`, order: sql`desc` }

/** Goes along an index. Each window has one bound at either end and no more: SQLite would follow another one. */
class Stretch {
  readonly #session: Session
  readonly #property: number
  readonly #sizes: Sizes

  constructor(session: Session, property: number, sizes: Sizes) {
    this.#session = session
    this.#property = property
    this.#sizes = sizes
  }

  upwards(firstKey: string): Windows {
    return this.#windows(UP, sql`w.order_key >= ${firstKey}`, firstKey)
  }

  downwards(firstKey: string | undefined): Windows {
    const begin = firstKey === undefined ? sql`w.order_key < ${ABSENT}` : sql`w.order_key <= ${firstKey}`
    return this.#windows(DOWN, begin, firstKey)
  }

  *#windows(direction: Direction, start: RawBuilder<unknown>, startKey: string | undefined): Windows {
    let [begin, firstKey] = [start, startKey]
    for (let size = this.#sizes.first; ; size = Math.min(2 * size, this.#sizes.last)) {
      const end = this.#end(direction, begin, size)
      if (!end) return yield { ...this.#window(begin), firstKey }
      const position = sql`(${end.order_key}, ${end.object})`
      const bounds = sql`${begin} and (w.order_key, w.object) ${direction.upTo} ${position}`
      yield { ...this.#window(bounds), firstKey }
      begin = sql`(w.order_key, w.object) ${direction.behind} ${position}`
      firstKey = end.order_key
    }
  }

  #end({ order }: Direction, begin: RawBuilder<unknown>, size: number): Position | undefined {
    const query = sql<Position>`select w.order_key, w.object from property_value as w
      where w.property = ${this.#property} and ${begin}
      order by w.order_key ${order}, w.object ${order} limit 1 offset ${size - 1}`
    return select(this.#session, query)[0]
  }

  /** A cross join is one that SQLite does in the order it is written. */
  #window(bounds: RawBuilder<unknown>): Window {
    return {
      source: sql`property_value as w cross join object as o`,
      condition: sql`w.property = ${this.#property} and ${bounds} and w.sorts = 1 and o.key = w.object`,
    }
  }
}
