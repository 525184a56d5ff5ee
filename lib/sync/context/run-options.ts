import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { faultsOf, z } from '../../core/schema.ts'
import { badRequest } from '../../crest/errors.ts'
import { limitSchema } from '../mapping/limit.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { querySchema } from '../mapping/query-schema.ts'

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
}

const countSchema = z.int('must be a whole number from 0 up').min(0, 'must be a whole number from 0 up').optional()
const flag = z.boolean('must be true or false').optional()

const overridesSchema = z.strictObject(
  {
    sourceQuery: querySchema,
    targetQuery: querySchema,
    runTargetPhase: flag,
    allowEmptySourceSet: flag,
    sourceQueryFullEntry: flag,
    targetQueryFullEntry: flag,
    maxDeletes: limitSchema,
    maxClears: limitSchema,
    maxUnassessed: countSchema,
    acceptUnassessed: flag,
    allowApproximate: flag,
  },
  'knows sourceQuery, targetQuery, runTargetPhase, allowEmptySourceSet, sourceQueryFullEntry, targetQueryFullEntry, maxDeletes, maxClears, maxUnassessed, acceptUnassessed and allowApproximate',
)

export type Overrides = Partial<z.infer<typeof overridesSchema>>

/** @throws badRequest that names the invalid settings in the body of a request */
export function parseOverrides(body: Json): Overrides {
  if (body === null) return {}
  if (!isObject(body)) throw badRequest('The body of the request must be an object with settings of the mapping')
  const parsed = overridesSchema.safeParse(body)
  if (parsed.success) return Object.fromEntries(Object.entries(parsed.data).filter(([, value]) => value !== undefined))
  const faults = faultsOf(parsed.error).map(({ key, message }) =>
    key === '' ? `The body ${message}` : `${key}: ${message}`,
  )
  throw badRequest(faults.join('; '))
}

/** The mapping with the settings of this run. */
export const overridden = (mapping: Mapping, { overrides, acceptedBy }: RunOptions): Mapping => ({
  ...mapping,
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
