/** The schema of `conf/managed.json`. */
import { anyJson, z } from '../../core/schema.ts'

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'relationship', 'null'] as const
const TYPE_FORM = `must be one of ${TYPES.join(', ')}, or a list of them`
const type = z.enum(TYPES, TYPE_FORM)

const policy = z.looseObject({
  policyId: z.string('must be the name of a policy such as "unique"'),
  params: z.record(z.string(), anyJson).optional(),
})

/** Editors of IDM write some of them as text. */
const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])], 'must be true or false')
  .transform((value) => String(value) === 'true')

/**
 * The members of IDM that have an effect here. All others are allowed and ignored, so that files of IDM work unchanged.
 */
const property = z.looseObject({
  type: z.union([type, z.array(type)], TYPE_FORM).optional(),
  items: z.looseObject({ type: z.union([type, z.array(type)], TYPE_FORM).optional() }).optional(),
  scope: z.enum(['public', 'private'], 'must be "public" or "private"').optional(),
  isProtected: flag.optional(),
  secureHash: z.looseObject({}).optional(),
  encryption: z.looseObject({}).optional(),
  searchable: flag.optional(),
  default: anyJson.optional(),
  policies: z.array(policy, 'must be an array of policies').optional(),
})

const NAME_FORM = 'must be letters, digits, "_" and "-", such as "user"'
/** The schema of one type. */
export const typeSchema = z.looseObject({
  name: z.string(NAME_FORM).regex(/^\w[\w-]*$/, NAME_FORM),
  schema: z
    .looseObject({
      properties: z.record(z.string(), property, 'must be an object with a member for each property').optional(),
      required: z.array(z.string('must be the name of a property'), 'must be an array of names').optional(),
    })
    .optional(),
})

export const managedSchema = z.looseObject({
  objects: z
    .array(typeSchema, 'must be an array of object types')
    .refine((types) => new Set(types.map(({ name }) => name)).size === types.length, 'must not name a type twice'),
})

export type ManagedTypeConfiguration = z.infer<typeof typeSchema>
export type PropertyConfiguration = z.infer<typeof property>
export type PolicyConfiguration = z.infer<typeof policy>
/** The content of the file. */
export type ManagedConfiguration = z.infer<typeof managedSchema>
