import type { Json, JsonObject } from '../../contract.ts'
import { isObject, withoutUndefined } from '../../core/json.ts'
import { faultsOf, z } from '../../core/schema.ts'
import { badRequest } from '../../crest/errors.ts'
import { limitSchema } from '../mapping/limit.ts'
import { conflictSchema } from '../mapping/live-schema.ts'
import { HOOK_NAMES, type Mapping } from '../mapping/mapping.ts'
import { querySchema } from '../mapping/query-schema.ts'
import type { IncrementalOptions } from './incremental-notes.ts'
import { type Pilot, pilotShape } from './pilot.ts'
import type { Approval, Caller, ExecutionBasis, PlanDigest, PlanRecord } from './plan-record.ts'
import { VERIFYING } from './verification.ts'

export interface RunOptions {
  readonly action: 'recon' | 'reconById'
  /** The sources of `reconById`. */
  readonly ids: readonly string[]
  /** Plans, and writes nothing. */
  readonly isAnalysis: boolean
  /** Whether its rows are shown as associations. */
  readonly persists: boolean
  /** Settings that replace those of the mapping. */
  readonly overrides: Overrides
  /** For an approved plan: cleared fields that no source had a value for. */
  readonly unsupplied?: readonly string[]
  /** Who accepted that some sources are not assessed. */
  readonly acceptedBy?: string
  readonly startedBy?: Caller
  /** Asks only for what changed since the last good run. */
  readonly changed?: boolean
  /** Of a mapping with `incremental`. */
  readonly incremental?: IncrementalOptions
  /** Looks at some of the sources, and at no target without a source. */
  readonly pilot?: Pilot
  /** Compares both sides, whatever the policies say. */
  readonly verifies?: boolean
  /** It was to write, and makes a plan that waits for approval. */
  readonly waits?: boolean
  /** What it was started with. */
  readonly digest?: PlanDigest
  /** Of the plan that it makes. */
  readonly plan?: PlanRecord
  /** Of the plan that it carries out. */
  readonly approval?: Approval
  /** The id of the plan that it carries out. */
  readonly executes?: string
  /** The run that it undoes. */
  readonly undo?: Undo
  /** What the plan that it carries out, or a part of it, is judged by. */
  readonly basis?: ExecutionBasis
}

/** What is undone. */
export interface Undo {
  /** The id of the run. */
  readonly run: string
  readonly number: number
  /** What it created is deleted. */
  readonly deletesCreated: boolean
  /** Hooks of the mapping that ran with it. */
  readonly hooks: readonly string[]
}

/** The settings under which a run is undone: nothing but what it did counts, and no script runs. */
const UNDOING: Partial<Mapping> = {
  ...Object.fromEntries(HOOK_NAMES.map((name) => [name, undefined])),
  policies: [],
  correlationQuery: new Map(),
  correlationScript: undefined,
  // Deletions are confirmed by their number, and clearing a field gives back that it was empty.
  maxDeletes: { share: 1 },
  maxClears: { share: 1 },
  allowEmptySourceSet: true,
  updateMethod: 'patch',
}

const NUMBER = 'must be a whole number from 1 up'

const ONLY = { creates: ['CREATE'], updates: ['UPDATE'], deletes: ['DELETE'], links: ['LINK', 'UNLINK'] } as const

type Kind = keyof typeof ONLY

const KINDS = Object.keys(ONLY) as Kind[]
const KIND_FORM = `must be one of ${KINDS.map((name) => `"${name}"`).join(', ')}, or an array of them`
const kind = z.enum(KINDS, KIND_FORM)

/** The part of a plan that is carried out. */
export interface Part {
  readonly only?: readonly Kind[]
  readonly limit?: number
}

/** The actions of a part. */
export const actionsOf = ({ only = KINDS }: Part): string[] => only.flatMap((name) => [...ONLY[name]])

const partShape = {
  only: z.union([kind.transform((name) => [name]), z.array(kind, KIND_FORM).min(1, KIND_FORM)], KIND_FORM).optional(),
  limit: z.int(NUMBER).min(1, NUMBER).optional(),
}

const countSchema = z.int('must be a whole number from 0 up').min(0, 'must be a whole number from 0 up').optional()
const flag = z.boolean('must be true or false').optional()

const overridesShape = {
  sourceQuery: querySchema,
  targetQuery: querySchema,
  runTargetPhase: flag,
  allowEmptySourceSet: flag,
  sourceQueryFullEntry: flag,
  targetQueryFullEntry: flag,
  maxDeletes: limitSchema,
  maxClears: limitSchema,
  maxUnassessed: countSchema,
  conflict: conflictSchema,
  acceptUnassessed: flag,
  allowApproximate: flag,
  createUnknown: flag,
}

const bodySchema = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(
    shape,
    `knows ${Object.keys(shape)
      .join(', ')
      .replace(/, (\w+)$/, ' and $1')}`,
  )

const overridesSchema = bodySchema(overridesShape)
const runSchema = bodySchema({ ...overridesShape, ...pilotShape })
const undoSchema = bodySchema({ deleteCreated: countSchema })
const executeSchema = bodySchema({ ...overridesShape, ...partShape })

export type Overrides = Partial<z.infer<typeof overridesSchema>>

/** @throws badRequest that names the invalid settings in the body of a request */
export const parseOverrides = (body: Json): Overrides => parsedBody(overridesSchema, body)

/** The body of `recon`. @throws badRequest */
export function parseRunBody(body: Json): { overrides: Overrides; pilot: Pilot | undefined } {
  const { limit, sample, filter, ...overrides } = parsedBody(runSchema, body)
  const pilot = withoutUndefined({ limit, sample, filter })
  return { overrides: withoutUndefined(overrides), pilot: Object.keys(pilot).length > 0 ? pilot : undefined }
}

/** The body of `execute`. @throws badRequest */
export function parseExecuteBody(body: Json): { overrides: Overrides; part: Part | undefined } {
  const { only, limit, ...overrides } = parsedBody(executeSchema, body)
  const part = withoutUndefined({ only, limit })
  return { overrides: withoutUndefined(overrides), part: Object.keys(part).length > 0 ? part : undefined }
}

/** The body of `undo`. @throws badRequest */
export const parseUndoBody = (body: Json): { deleteCreated?: number } => withoutUndefined(parsedBody(undoSchema, body))

function parsedBody<T>(schema: z.ZodType<T>, body: Json): Partial<T> {
  if (body === null) return {}
  if (!isObject(body)) throw badRequest('The body of the request must be an object with settings of the mapping')
  const parsed = schema.safeParse(body)
  if (parsed.success) return withoutUndefined(parsed.data as object) as Partial<T>
  const faults = faultsOf(parsed.error).map(({ key, message }) =>
    key === '' ? `The body ${message}` : `${key}: ${message}`,
  )
  throw badRequest(faults.join('; '))
}

/** The mapping with the settings of this run. */
export const overridden = (mapping: Mapping, { overrides, acceptedBy, verifies, undo }: RunOptions): Mapping => ({
  ...mapping,
  ...(verifies && VERIFYING),
  ...(undo && UNDOING),
  ...overrides,
  ...(acceptedBy === undefined ? {} : { maxUnassessed: Number.MAX_SAFE_INTEGER }),
})

/** A query as it is shown in the `parameters` of a run. */
export function shownQuery(mapping: Mapping, side: 'source' | 'target'): JsonObject {
  const query = side === 'source' ? mapping.sourceQuery : mapping.targetQuery
  const { _queryFilter, ...rest } = query?.params ?? { _queryFilter: 'true' }
  return {
    resourceName: query?.resourceName ?? (side === 'source' ? mapping.source : mapping.target),
    ...(_queryFilter === undefined ? {} : { queryFilter: String(_queryFilter) }),
    ...rest,
  }
}
