import type { JsonObject } from '../../../contract.ts'
import { getAt, type Pointer } from '../../../crest/pointer.ts'
import { coarse, orderKey } from '../../objects/order-key.ts'

/** `run_object.kind`. */
export const PARTIAL = 0
export const FULL = 1
export const PLANNED = 2

/** Field, order key and object key for each value that an object has in one of the fields, one after the other. */
export const indexValues = (key: string, object: JsonObject, fields: ReadonlyMap<string, Pointer>): string[] =>
  [...fields].flatMap(([name, field]) => {
    const found = getAt(object, field) ?? null
    const values = Array.isArray(found) ? found : [found]
    const keys = values.filter((value) => value !== null).map((value) => coarse(orderKey(value)))
    return [...new Set(keys)].flatMap((orderKey) => [name, orderKey, key])
  })
