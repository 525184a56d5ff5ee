import { type RawBuilder, sql } from './kysely.ts'
import { ABSENT, coarse } from './order-key.ts'
import type { PropertyIndex } from './property-index.ts'
import type { Session } from './tables.ts'

/** A bounded part of a type's objects. */
export interface Window {
  /** Holds for a row `o` of `object` that belongs to it. */
  readonly condition: RawBuilder<boolean>
  /** With an index in the order asked for: nothing in this window and behind it comes before this key. */
  readonly firstKey?: string
}

type Windows = AsyncGenerator<Window, void, undefined>

/** All objects of `type` in the order they were made. */
export async function* windowsByAge(session: Session, type: string, size: number): Windows {
  let from = 0
  while (true) {
    const end = await session
      .selectFrom('object')
      .select('key')
      .where('type', '=', type)
      .where('key', '>', from)
      .orderBy('key')
      .limit(1)
      .offset(size - 1)
      .executeTakeFirst()
    if (!end) return yield { condition: sql`o.key > ${from}` }
    yield { condition: sql`o.key > ${from} and o.key <= ${end.key}` }
    from = end.key
  }
}

/** All objects from `start` (an order key) on, in the order of an index; those without the property come last. */
export async function* windowsByProperty(
  session: Session,
  { key: property }: PropertyIndex,
  ascending: boolean,
  start: string | undefined,
  size: number,
): Windows {
  const first = start === undefined ? undefined : coarse(start)
  if (first !== ABSENT) yield* stretch(session, property, ascending, first, sql`order_key < ${ABSENT}`, size)
  yield* stretch(session, property, true, ABSENT, sql`order_key = ${ABSENT}`, size)
}

interface Position {
  readonly order_key: string
  readonly object: number
}

const DIRECTIONS = {
  up: { from: sql`>=`, behind: sql`>`, upTo: sql`<=`, order: sql`asc` },
  down: { from: sql`<=`, behind: sql`<`, upTo: sql`>=`, order: sql`desc` },
}

async function* stretch(
  session: Session,
  property: number,
  ascending: boolean,
  start: string | undefined,
  bounds: RawBuilder<unknown>,
  size: number,
): Windows {
  const { from, behind, upTo, order } = DIRECTIONS[ascending ? 'up' : 'down']
  let firstKey = start
  let begin = start === undefined ? sql`1 = 1` : sql`order_key ${from} ${start}`
  while (true) {
    const scope: RawBuilder<unknown> = sql`property = ${property} and ${bounds} and ${begin}`
    const end = await lastPosition(session, scope, order, size)
    const rest = end ? sql` and (order_key, object) ${upTo} (${end.order_key}, ${end.object})` : sql``
    const condition = sql<boolean>`o.key in (select object from property_value where ${scope}${rest} and sorts = 1)`
    yield firstKey === undefined ? { condition } : { condition, firstKey }
    if (!end) return
    firstKey = end.order_key
    begin = sql`(order_key, object) ${behind} (${end.order_key}, ${end.object})`
  }
}

async function lastPosition(
  session: Session,
  scope: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
  size: number,
): Promise<Position | undefined> {
  const query = sql<Position>`select order_key, object from property_value where ${scope}
    order by order_key ${order}, object ${order} limit 1 offset ${size - 1}`
  return (await query.execute(session)).rows[0]
}
