/**
 * One mapping, as `sync.json` or `mapping-NAME.json` says it (40-sync.md, section 2). The schema is the one source of
 * its type and of the messages.
 */
import type { Json, JsonObject } from '../contract.ts'
import { isForbiddenMember } from '../util/json.ts'
import { z } from '../util/schema.ts'
import { ACTIONS, type Action, isAction } from './action.ts'
import { conditionSchema, hookSchema, orScript, scriptSchema } from './condition.ts'
import { correlationQuerySchema } from './correlation-schema.ts'
import { fieldsSchema, resourcePathSchema, sourcePointerSchema, targetPointerSchema } from './mapping-path.ts'
import { maxDeletesSchema } from './max-deletes.ts'
import { querySchema } from './query-schema.ts'
import { isSituation, SITUATIONS, type Situation } from './situation.ts'
import { type KnownNames, unknownProperties } from './unknown-properties.ts'

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

const json = z.custom<Json>(() => true)

const propertyShape = {
  target: targetPointerSchema,
  source: sourcePointerSchema,
  transform: hookSchema,
  condition: conditionSchema,
  default: json.optional().transform((value) => value ?? null),
}

const property = z.looseObject(
  propertyShape,
  'must be an object {"target", "source", "transform", "condition", "default"}',
)

const ACTION_FORM = `must be one of ${ACTIONS.join(', ')}, or a script that yields one`

const policyShape = {
  situation: z.custom<Situation>(isSituation, `must be one of ${SITUATIONS.join(', ')}`),
  action: z.union([z.custom<Action>(isAction), scriptSchema], orScript(ACTION_FORM)),
  condition: conditionSchema,
  postAction: hookSchema,
}

const policy = z.looseObject(policyShape, 'must be an object {"situation", "action", "condition", "postAction"}')

const QUALIFIERS_FORM = 'must be an array of names, or a script'

const qualifier = z
  .string('must be a name')
  .min(1, 'must not be empty')
  .refine((name) => !isForbiddenMember(name), 'is not allowed as a name')

const list = <T extends z.ZodType>(element: T, form: string) =>
  z
    .array(element, form)
    .nullish()
    .transform((value) => value ?? [])

const associationShape = { maxAnalysisRunsPerMapping: count(1, 0), maxNonAnalysisRunsPerMapping: count(1, 0) }

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

const shape = {
  name: z.string('must be the name of the mapping').min(1, 'must be the name of the mapping'),
  source: resourcePathSchema,
  target: resourcePathSchema,
  displayName: z.string().nullish(),
  properties: list(property, 'must be an array of properties'),
  policies: list(policy, 'must be an array of policies'),
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
  maxDeletes: maxDeletesSchema,
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
  .looseObject(shape)
  .refine(({ correlationQuery, correlationScript }) => !(correlationQuery.size > 0 && correlationScript), {
    path: ['correlationScript'],
    message: 'stands beside correlationQuery: a mapping has one of the two',
  })

export type Mapping = z.infer<typeof mappingSchema>
export type Property = z.infer<typeof property>
export type Policy = z.infer<typeof policy>

const KNOWN: KnownNames = {
  names: new Set([...Object.keys(shape), ...TOLERATED]),
  within: {
    properties: new Set(Object.keys(propertyShape)),
    policies: new Set(Object.keys(policyShape)),
    reconAssociation: new Set(Object.keys(associationShape)),
    queuedSync: new Set([
      'enabled',
      'pageSize',
      'pollingInterval',
      'maxQueueSize',
      'maxRetries',
      'retryDelay',
      'postRetryAction',
    ]),
  },
}

/** What a mapping says in vain: properties that nobody knows, and a consent that nobody is asked for here. */
export function mappingNotices(content: JsonObject): string[] {
  const notices = unknownProperties(content, KNOWN)
  if (content.consentRequired === true)
    notices.push('"consentRequired" has no effect: objects are synchronized without anybody\'s consent')
  return notices
}
