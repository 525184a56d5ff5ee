import { z } from '../../core/schema.ts'

const MAPPING_FORM = 'must be the name of a mapping, or an object {"COLLECTION": "NAME of a mapping"}'

const name = z.string('must be the name of a mapping').min(1, 'must be the name of a mapping')

/**
 * How a relationship is carried over: each far object is translated through the links of a mapping, which is chosen by the
 * collection in `_ref` where several are named.
 */
export const relationshipSchema = z
  .strictObject(
    {
      mapping: z.union([name, z.record(z.string(), name)], MAPPING_FORM),
      /** Names of members of `_refProperties` that go along. */
      properties: z
        .array(z.string('must be a name').regex(/^(?!_id$|_rev$)./, 'must be a name, and not _id or _rev'), {
          error: 'must be an array of names of members of _refProperties',
        })
        .nullish()
        .transform((value) => value ?? []),
      /** Its edges are queried page by page for each object, because there may be thousands. */
      paged: z
        .boolean('must be true or false')
        .nullish()
        .transform((value) => value ?? false),
    },
    'must be an object {"mapping", "properties", "paged"}',
  )
  .nullish()
  .transform((value) => value ?? undefined)

export type Relationship = NonNullable<z.infer<typeof relationshipSchema>>
