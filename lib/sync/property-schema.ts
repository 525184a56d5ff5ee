import type { Json } from '../contract.ts'
import { z } from '../util/schema.ts'
import { conditionSchema, hookSchema } from './condition.ts'
import { sourcePointerSchema, targetPointerSchema } from './mapping-path.ts'

const json = z.custom<Json>(() => true)

export const propertyShape = {
  target: targetPointerSchema,
  source: sourcePointerSchema,
  transform: hookSchema,
  condition: conditionSchema,
  default: json.optional().transform((value) => value ?? null),
}

/** One of a mapping's `properties` (40-sync.md, section 3). */
export const propertySchema = z.looseObject(
  propertyShape,
  'must be an object {"target", "source", "transform", "condition", "default"}',
)
