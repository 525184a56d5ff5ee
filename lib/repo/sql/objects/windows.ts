import { ABSENT, coarse } from '../../objects/order-key.ts'
import { type RawBuilder, select, sql } from '../statements/kysely.ts'
import { first, type Work } from '../statements/work.ts'
import type { PropertyIndex } from './property-index.ts'

/** A bounded part of a type's objects. */
export interface Window {
  /** Goes behind `from`: the rows of `object` as `o`, after what leads to them. */
  readonly source: RawBuilder<unknown>
  readonly condition: RawBuilder<unknown>
  /** With an index in the order asked for: nothing in this window and behind it comes before this key. */
  readonly firstKey?: string | undefined
}

/** Windows, one after the other. */
export interface Windows {
  /** undefined = there are no more. */
  next(): Work<Window | undefined>
}

/** One window alone. */
export function oneWindow(window: Window): Windows {
  let next: Window | undefined = window
  return {
    // biome-ignore lint/correctness/useYield: it needs no statement
    *next() {
      const given = next
      next = undefined
      return given
    },
  }
}

/** One after the other. */
function windowsInTurn(parts: Windows[]): Windows {
  return {
    *next() {
      for (let part = parts[0]; part; part = parts[0]) {
        const window = yield* part.next()
        if (window) return window
        parts.shift()
      }
      return undefined
    },
  }
}

/** All objects of `type` in the order they were made. */
export function windowsByAge(type: string, size: number): Windows {
  const source = sql`object as o`
  const text = 'select key from object where type = ? and key > ? order by key limit 1 offset ?'
  let from: number | undefined = 0
  return {
    *next() {
      if (from === undefined) return undefined
      const [begin, end]: [number, { key: number } | undefined] = [from, yield* first(text, [type, from, size - 1])]
      from = end?.key
      const condition = end ? sql`o.key > ${begin} and o.key <= ${end.key}` : sql`o.key > ${begin}`
      return { source, condition }
    },
  }
}

/** How many objects windows hold: the first one, and then ever twice as many up to the last number. */
export interface Sizes {
  readonly first: number
  readonly last: number
}

/** All objects from `start` (an order key) on, in the order of an index; those without the property come last. */
export function windowsByProperty(
  { key: property }: PropertyIndex,
  ascending: boolean,
  start: string | undefined,
  sizes: Sizes,
): Windows {
  const stretch = new Stretch(property, sizes)
  const firstKey = start === undefined ? undefined : coarse(start)
  if (ascending) return stretch.upwards(firstKey ?? '')
  if (firstKey === ABSENT) return stretch.upwards(ABSENT)
  return windowsInTurn([stretch.downwards(firstKey), stretch.upwards(ABSENT)])
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
  readonly #property: number
  readonly #sizes: Sizes

  constructor(property: number, sizes: Sizes) {
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

  #windows(direction: Direction, start: RawBuilder<unknown>, startKey: string | undefined): Windows {
    const endOf = (begin: RawBuilder<unknown>, size: number) => this.#end(direction, begin, size)
    const windowOf = (bounds: RawBuilder<unknown>) => this.#window(bounds)
    const { last } = this.#sizes
    let size = this.#sizes.first
    let begin: RawBuilder<unknown> | undefined = start
    let firstKey = startKey
    return {
      *next() {
        if (!begin) return undefined
        const end: Position | undefined = yield* endOf(begin, size)
        const position = end && sql`(${end.order_key}, ${end.object})`
        const bounds = position ? sql`${begin} and (w.order_key, w.object) ${direction.upTo} ${position}` : begin
        const window = { ...windowOf(bounds), firstKey }
        begin = position && sql`(w.order_key, w.object) ${direction.behind} ${position}`
        firstKey = end?.order_key
        size = Math.min(2 * size, last)
        return window
      },
    }
  }

  *#end({ order }: Direction, begin: RawBuilder<unknown>, size: number): Work<Position | undefined> {
    const query = sql<Position>`select w.order_key, w.object from property_value as w
      where w.property = ${this.#property} and ${begin}
      order by w.order_key ${order}, w.object ${order} limit 1 offset ${size - 1}`
    return (yield* select(query))[0]
  }

  /** A cross join is one that SQLite does in the order it is written. */
  #window(bounds: RawBuilder<unknown>): Window {
    return {
      source: sql`property_value as w cross join object as o`,
      condition: sql`w.property = ${this.#property} and ${bounds} and w.sorts = 1 and o.key = w.object`,
    }
  }
}
