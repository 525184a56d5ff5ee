import type { Json } from '../../contract.ts'
import { z } from '../../core/schema.ts'
import { conditionSchema, hookSchema } from './condition.ts'
import { sourcePointerSchema, targetPointerSchema } from './path.ts'

const json = z.custom<Json>(() => true)

const flag = z
  .boolean('must be true or false')
  .nullish()
  .transform((value) => value ?? false)

export const propertyShape = {
  target: targetPointerSchema,
  source: sourcePointerSchema,
  transform: hookSchema,
  condition: conditionSchema,
  /** The target never shows the field (a password): it is sent once, and again when its value has changed. */
  writeOnly: flag,
  /** It is sent to a target that was found by correlation, too. */
  writeOnFound: flag,
  default: json.optional().transform((value) => value ?? null),
}

/** One of a mapping's `properties`. */
export const propertySchema = z.looseObject(
  propertyShape,
  'must be an object {"target", "source", "transform", "condition", "default", "writeOnly", "writeOnFound"}',
)
