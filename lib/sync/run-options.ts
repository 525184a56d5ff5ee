import type { Json, JsonObject } from '../contract.ts'
import { badRequest } from '../crest/errors.ts'
import { isObject } from '../util/json.ts'
import { faultsOf, z } from '../util/schema.ts'
import type { Mapping } from './mapping.ts'
import { maxDeletesSchema } from './max-deletes.ts'
import { querySchema } from './query-schema.ts'

export interface RunOptions {
  readonly action: 'recon' | 'reconById'
  /** The sources of `reconById`. */
  readonly ids: readonly string[]
  /** Decides and writes nothing. */
  readonly isAnalysis: boolean
  /** Its rows are shown as associations. */
  readonly persists: boolean
  /** Settings of the mapping that are others for this run. */
  readonly overrides: Overrides
}

const flag = z.boolean('must be true or false').optional()

const overridesSchema = z.strictObject(
  {
    sourceQuery: querySchema,
    targetQuery: querySchema,
    runTargetPhase: flag,
    allowEmptySourceSet: flag,
    sourceQueryFullEntry: flag,
    targetQueryFullEntry: flag,
    maxDeletes: maxDeletesSchema,
  },
  'knows sourceQuery, targetQuery, runTargetPhase, allowEmptySourceSet, sourceQueryFullEntry, targetQueryFullEntry and maxDeletes',
)

export type Overrides = Partial<z.infer<typeof overridesSchema>>

/** @throws badRequest naming what the body of a request may not say */
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

/** The mapping as this run takes it. */
export const overridden = (mapping: Mapping, overrides: Overrides): Mapping => ({ ...mapping, ...overrides })

/** How a query is shown in a run's `parameters`. */
export function shownQuery(mapping: Mapping, side: 'source' | 'target'): JsonObject {
  const query = side === 'source' ? mapping.sourceQuery : mapping.targetQuery
  const { _queryFilter, ...rest } = query?.params ?? { _queryFilter: 'true' }
  return {
    resourceName: query?.resourceName ?? (side === 'source' ? mapping.source : mapping.target),
    ...(_queryFilter === undefined ? {} : { queryFilter: String(_queryFilter) }),
    ...rest,
  }
}
