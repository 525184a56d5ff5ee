/**
 * One mapping, as `sync.json` or `mapping-NAME.json` says it. The schema is the one source of its type, of the messages
 * and of docs/configuration-reference.md.
 */
import { isForbiddenName } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { conditionSchema, hookSchema, orScript, scriptSchema } from './condition.ts'
import { correlationQuerySchema } from './correlation-schema.ts'
import { limitSchema } from './limit.ts'
import { fieldsSchema, resourcePathSchema } from './path.ts'
import { policySchema } from './policy-schema.ts'
import { propertySchema } from './property-schema.ts'
import { querySchema } from './query-schema.ts'

const flag = (fallback: boolean) =>
  z
    .boolean('must be true or false')
    .nullish()
    .transform((value) => value ?? fallback)

const optionalFlag = z
  .boolean('must be true or false')
  .nullish()
  .transform((value) => value ?? undefined)

const count = (fallback: number, least = 1) => {
  const form = `must be a whole number from ${least} up`
  return z
    .int(form)
    .min(least, form)
    .nullish()
    .transform((value) => value ?? fallback)
}

const QUALIFIERS_FORM = 'must be an array of names, or a script'

const qualifier = z
  .string('must be a name')
  .min(1, 'must not be empty')
  .refine((name) => !isForbiddenName(name), 'is not allowed as a name')

const list = <T extends z.ZodType>(element: T, form: string) =>
  z
    .array(element, form)
    .nullish()
    .transform((value) => value ?? [])

export const associationShape = { maxAnalysisRunsPerMapping: count(1, 0), maxNonAnalysisRunsPerMapping: count(1, 0) }

const associations = z.looseObject(associationShape).prefault({})

const HOOKS = {
  onCreate: hookSchema,
  onUpdate: hookSchema,
  onDelete: hookSchema,
  onLink: hookSchema,
  onUnlink: hookSchema,
  onError: hookSchema,
  onMapping: hookSchema,
  postMapping: hookSchema,
  onRecon: hookSchema,
  result: hookSchema,
}

export type Hook = keyof typeof HOOKS

export const HOOK_NAMES = Object.keys(HOOKS) as readonly Hook[]

/** How a target is changed: by a PATCH of the changed fields, or by a PUT of the whole object, which drops what it does not show. */
const UPDATE_METHODS = ['patch', 'put'] as const

/** The properties of a mapping that have an effect. */
export const mappingShape = {
  name: z.string('must be the name of the mapping').min(1, 'must be the name of the mapping'),
  source: resourcePathSchema,
  target: resourcePathSchema,
  displayName: z.string().nullish(),
  properties: list(propertySchema, 'must be an array of properties'),
  policies: list(policySchema, 'must be an array of policies'),
  links: z.string('must be the name of a mapping').nullish(),
  enableLinking: flag(true),
  syncAfter: list(z.string('must be the name of a mapping'), 'must be an array of names of mappings'),
  linkQualifiers: z
    .union([z.array(qualifier).min(1, QUALIFIERS_FORM), scriptSchema], orScript(QUALIFIERS_FORM))
    .nullish()
    .transform((value) => value ?? ['default']),
  correlationQuery: correlationQuerySchema,
  correlationScript: hookSchema,
  validSource: hookSchema,
  validTarget: hookSchema,
  sourceCondition: conditionSchema,
  sourceQuery: querySchema,
  targetQuery: querySchema,
  sourceQueryFullEntry: optionalFlag,
  targetQueryFullEntry: optionalFlag,
  defaultSourceFields: fieldsSchema,
  defaultTargetFields: fieldsSchema,
  runTargetPhase: optionalFlag,
  allowEmptySourceSet: flag(false),
  correlateEmptyTargetSet: flag(false),
  taskThreads: count(10, 0),
  reconSourceQueryPageSize: count(1000),
  reconTargetQueryPageSize: count(1000),
  reconAssociation: associations,
  sourceIdsCaseSensitive: flag(true),
  targetIdsCaseSensitive: flag(true),
  maxDeletes: limitSchema,
  maxClears: limitSchema,
  maxUnassessed: count(0, 0),
  analysisActions: list(z.string('must be the name of an action'), 'must be an array of names of actions'),
  updateMethod: z
    .enum(UPDATE_METHODS, `must be one of ${UPDATE_METHODS.map((name) => `"${name}"`).join(', ')}`)
    .nullish()
    .transform((value) => value ?? 'patch'),
  ...HOOKS,
}

/** Understood and without effect here: what they steer does not exist in this gateway, or is done in any case. */
export const TOLERATED: ReadonlySet<string> = new Set([
  'icon',
  'enableSync',
  'consentRequired',
  'prefetchLinks',
  'feedSize',
  'reconSourceQueryPaging',
  'reconTargetQueryPaging',
  'reconProgressStateUpdateInterval',
  'clusteredSourceReconEnabled',
  'triggerSyncProperties',
  'queuedSync',
  'optimizeAssignmentSync',
  '_id',
])

export const mappingSchema = z
  .looseObject(mappingShape)
  .refine(({ correlationQuery, correlationScript }) => !(correlationQuery.size > 0 && correlationScript), {
    path: ['correlationScript'],
    message: 'stands beside correlationQuery: a mapping has one of the two',
  })

export type Mapping = z.infer<typeof mappingSchema>
export type Property = z.infer<typeof propertySchema>
export type Policy = z.infer<typeof policySchema>
