import type { JsonObject } from '../../../contract.ts'
import { getAt, type Pointer, parsePointer } from '../../../crest/pointer.ts'
import { sortValue } from '../../../crest/protocol/sort.ts'
import { ABSENT, coarse, orderKey } from '../../objects/order-key.ts'
import type { Dialect } from '../statements/dialect.ts'
import { IGNORE, insertRows } from '../statements/insert-rows.ts'
import { all, aside, run, type Work } from '../statements/work.ts'

/** A property whose values are kept in `property_value`. */
export interface PropertyIndex {
  readonly key: number
  /** As printPointer writes it. */
  readonly property: string
  readonly field: Pointer
  /** False while its values are being written: it is kept up to date but not yet asked. */
  readonly ready: boolean
}

/**
 * The rules that the values in the database were written by. Another Unicode version knows other capitals, so a new
 * Node may have to write them anew.
 */
export const INDEX_VERSION = `1/${process.versions.unicode}`

export function* selectIndexes(type: string): Work<PropertyIndex[]> {
  const text = 'select key, property, version from indexed_property where type = ?'
  const rows = yield* all<{ key: number; property: string; version: string | null }>(text, [type])
  return rows.map(({ key, property, version }) => ({
    key,
    property,
    field: parsePointer(property),
    ready: version === INDEX_VERSION,
  }))
}

/** What `property_value` says of one object. */
export interface PropertyValue {
  readonly property: number
  readonly order_key: string
  readonly sorts: number
  readonly object: number
}

/** One value each by which the object is sorted, and all by which a filter may find it. */
export function valuesOf(indexes: readonly PropertyIndex[], key: number, object: JsonObject): PropertyValue[] {
  return indexes.flatMap(({ key: property, field }) => {
    const sorted = sortValue(object, field)
    const sortKey = sorted === undefined ? ABSENT : coarse(orderKey(sorted))
    const found = getAt(object, field)
    const elements = Array.isArray(found) ? found.filter((element) => element !== null) : []
    const others = new Set(elements.map((element) => coarse(orderKey(element))))
    others.delete(sortKey)
    return [
      { property, object: key, order_key: sortKey, sorts: 1 },
      ...[...others].map((order_key) => ({ property, object: key, order_key, sorts: 0 })),
    ]
  })
}

const INTO_VALUES = 'insert into property_value (property, object, order_key, sorts)'

/** What is there already stays. */
export function* insertValues(dialect: Dialect, values: readonly PropertyValue[]): Work<void> {
  const rows = values.flatMap(({ property, object, order_key, sorts }) => [property, object, order_key, sorts])
  yield* aside(insertRows(dialect, INTO_VALUES, [], { width: 4, values: rows }, IGNORE))
}

export function* replaceValues(
  dialect: Dialect,
  object: number,
  old: readonly PropertyValue[],
  values: readonly PropertyValue[],
): Work<void> {
  if (JSON.stringify(old) === JSON.stringify(values)) return
  yield* aside(run('delete from property_value where object = ?', [object]))
  yield* insertValues(dialect, values)
}
