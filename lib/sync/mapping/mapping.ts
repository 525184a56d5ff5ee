/**
 * The schema of a mapping in `sync.json` or `mapping-NAME.json`: the source of its type, of the messages and of
 * docs/configuration-reference.md.
 */
import type { Json, JsonObject } from '../../contract.ts'
import { isForbiddenName } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { type KnownNames, unknownNotice, unknownProperties } from '../../core/unknown-properties.ts'
import { ACTIONS, type Action, isAction } from '../action.ts'
import { isSituation, SITUATIONS, type Situation } from '../situation.ts'
import { conditionSchema, hookSchema, orScript, scriptSchema } from './condition.ts'
import { correlationQuerySchema } from './correlation-schema.ts'
import { limitSchema } from './limit.ts'
import {
  conflictSchema,
  incrementalSchema,
  incrementalShape,
  queuedSyncSchema,
  queuedSyncShape,
  triggersSchema,
} from './live-schema.ts'
import { fieldsSchema, remoteSourceOf, resourcePathSchema, sourcePointerSchema, targetPointerSchema } from './path.ts'
import { querySchema } from './query-schema.ts'
import { relationshipSchema } from './relationship-schema.ts'
import { validitySchema } from './validity.ts'
import { count, flag, list } from './values.ts'

const propertyShape = {
  target: targetPointerSchema,
  source: sourcePointerSchema,
  transform: hookSchema,
  condition: conditionSchema,
  /** The target never shows the field (a password): it is sent once, and again when its value has changed. */
  writeOnly: flag(false),
  /** Send it to a target that was found by correlation, too. */
  writeOnFound: flag(false),
  default: z
    .custom<Json>(() => true)
    .optional()
    .transform((value) => value ?? null),
  /** The field holds references to other objects, which are translated through the links of a mapping. */
  relationship: relationshipSchema,
}

/** One of a mapping's `properties`. */
const propertySchema = z.looseObject(
  propertyShape,
  'must be an object {"target", "source", "transform", "condition", "default", "writeOnly", "writeOnFound", "relationship"}',
)

const ACTION_FORM = `must be one of ${ACTIONS.join(', ')}, or a script that yields one`

const policyShape = {
  situation: z.custom<Situation>(isSituation, `must be one of ${SITUATIONS.join(', ')}`),
  action: z.union([z.custom<Action>(isAction), scriptSchema], orScript(ACTION_FORM)),
  condition: conditionSchema,
  postAction: hookSchema,
}

/** One of a mapping's `policies`. */
const policySchema = z.looseObject(policyShape, 'must be an object {"situation", "action", "condition", "postAction"}')

const QUALIFIERS_FORM = 'must be an array of names, or a script'

const qualifier = z
  .string('must be a name')
  .min(1, 'must not be empty')
  .refine((name) => !isForbiddenName(name), 'is not allowed as a name')

export const DEFAULT_KEEP_RUNS = 10

const associationShape = { maxAnalysisRunsPerMapping: count(1, 0), maxNonAnalysisRunsPerMapping: count(1, 0) }

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

/** `patch` sends the changed fields; `put` sends the whole object, and drops the fields that the target does not show. */
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
  sourceQueryFullEntry: flag(undefined),
  targetQueryFullEntry: flag(undefined),
  defaultSourceFields: fieldsSchema,
  defaultTargetFields: fieldsSchema,
  runTargetPhase: flag(undefined),
  allowEmptySourceSet: flag(false),
  correlateEmptyTargetSet: flag(false),
  taskThreads: count(10, 0),
  reconSourceQueryPageSize: count(1000),
  reconTargetQueryPageSize: count(1000),
  reconAssociation: z.looseObject(associationShape).nullish(),
  keepRuns: count(DEFAULT_KEEP_RUNS),
  sourceIdsCaseSensitive: flag(true),
  targetIdsCaseSensitive: flag(true),
  maxDeletes: limitSchema,
  maxClears: limitSchema,
  maxUnassessed: count(0, 0),
  /** Max deletions of implicit synchronization within an hour. */
  maxDeletesPerHour: limitSchema,
  requireApproval: flag(false),
  approverMustDiffer: flag(false),
  /** How long a plan can be approved and carried out. */
  planValidFor: validitySchema('7 days'),
  /** Whether a run keeps what it replaces, so that it can be undone, and for how long. */
  keepBefore: flag(true),
  keepBeforeFor: validitySchema('30 days'),
  analysisActions: list(z.string('must be the name of an action'), 'must be an array of names of actions'),
  /** Whether several nodes share the work of a run. */
  clusteredSourceReconEnabled: flag(true),
  updateMethod: z
    .enum(UPDATE_METHODS, `must be one of ${UPDATE_METHODS.map((name) => `"${name}"`).join(', ')}`)
    .nullish()
    .transform((value) => value ?? 'patch'),
  /** Whether changes of the source are carried over as they happen. */
  enableSync: flag(true),
  triggerSyncProperties: triggersSchema,
  queuedSync: queuedSyncSchema,
  /** Whether writes that pass through this gateway to a remote source count as changes. */
  captureChanges: flag(false),
  incremental: incrementalSchema,
  conflict: conflictSchema,
  ...HOOKS,
}

/** Accepted without effect: this gateway lacks what they control, or always does it. */
export const TOLERATED: ReadonlySet<string> = new Set([
  'icon',
  'consentRequired',
  'prefetchLinks',
  'feedSize',
  'reconSourceQueryPaging',
  'reconTargetQueryPaging',
  'reconProgressStateUpdateInterval',
  'optimizeAssignmentSync',
  '_id',
])

export const mappingSchema = z
  .looseObject(mappingShape)
  .refine(({ correlationQuery, correlationScript }) => !(correlationQuery.size > 0 && correlationScript), {
    path: ['correlationScript'],
    message: 'cannot be combined with correlationQuery',
  })

export type Mapping = z.infer<typeof mappingSchema>
export type Property = z.infer<typeof propertySchema>
/** A property that carries a relationship over. */
export type RelationshipProperty = Property & { readonly relationship: NonNullable<Property['relationship']> }
export type Policy = z.infer<typeof policySchema>

export const isRelationship = (property: Property): property is RelationshipProperty =>
  property.relationship !== undefined

const KNOWN: KnownNames = {
  names: new Set([...Object.keys(mappingShape), ...TOLERATED]),
  within: {
    properties: new Set(Object.keys(propertyShape)),
    policies: new Set(Object.keys(policyShape)),
    reconAssociation: new Set(Object.keys(associationShape)),
    queuedSync: new Set(Object.keys(queuedSyncShape)),
    incremental: new Set(Object.keys(incrementalShape)),
  },
}

/** Warnings about settings that have no effect. */
export function mappingNotices(content: JsonObject): string[] {
  const notices = unknownProperties(content, KNOWN).map(unknownNotice)
  if (content.consentRequired === true)
    notices.push('"consentRequired" has no effect: objects are synchronized without consent')
  if (content.requireApproval === true) {
    const idle = ['queuedSync', 'captureChanges', 'triggerSyncProperties'].filter((name) => content[name])
    if (idle.length > 0)
      notices.push(
        `${idle.map((name) => `"${name}"`).join(', ')}: no effect beside "requireApproval": changes wait for the next approved run`,
      )
  }
  const { source, captureChanges } = content
  if (captureChanges === true && typeof source === 'string' && !remoteSourceOf(source))
    notices.push(
      `"captureChanges" has no effect: the source ${source} is no collection of a remote (external/idm/NAME/…)`,
    )
  return notices
}
