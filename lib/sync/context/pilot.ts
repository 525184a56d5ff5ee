import { z } from '../../core/schema.ts'
import { badRequest } from '../../crest/errors.ts'
import { parseQueryFilter, printQueryFilter, type QueryFilter } from '../../crest/filter/query-filter.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { MappingQuery } from '../mapping/query-schema.ts'
import type { Overrides, RunOptions } from './run-options.ts'

/** Which sources a pilot run looks at. */
export interface Pilot {
  /** The first ones. */
  readonly limit?: number
  /** This many at random. */
  readonly sample?: number
  /** Those that match a query filter. */
  readonly filter?: string
}

/** The ids of a sample are kept in memory. */
const MAX_SAMPLE = 10_000

const LIMIT_FORM = 'must be a whole number from 1 up'
const SAMPLE_FORM = `must be a whole number from 1 to ${MAX_SAMPLE}`
const FILTER_FORM = 'must be a query filter such as "/mail pr"'

/** The members of the body of `recon` that make it a pilot run. */
export const pilotShape = {
  limit: z.int(LIMIT_FORM).min(1, LIMIT_FORM).optional(),
  sample: z.int(SAMPLE_FORM).min(1, SAMPLE_FORM).max(MAX_SAMPLE, SAMPLE_FORM).optional(),
  filter: z
    .string(FILTER_FORM)
    .refine((text) => filterFault(text) === undefined, {
      error: ({ input }) => `${FILTER_FORM}: ${filterFault(String(input)) ?? ''}`,
    })
    .optional(),
}

function filterFault(text: string): string | undefined {
  try {
    parseQueryFilter(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * The settings that a pilot run replaces.
 * @throws badRequest for members that cannot be combined
 */
export function pilotOverrides(mapping: Mapping, { action, pilot, overrides }: RunOptions): Overrides {
  if (!pilot) return {}
  const { limit, sample, filter } = pilot
  if (action === 'reconById') throw badRequest('reconById names its sources: it takes no limit, sample or filter')
  if (limit !== undefined && sample !== undefined) throw badRequest('Only one of limit and sample can be given')
  if (overrides.runTargetPhase === true)
    throw badRequest('runTargetPhase: a run over some of the sources does not show that a target has none')
  return filter === undefined
    ? {}
    : { sourceQuery: narrowed(overrides.sourceQuery ?? mapping.sourceQuery, filter, 'filter') }
}

/**
 * The query, narrowed to objects that match a filter.
 * @param name of the setting that narrows it
 * @throws badRequest when the query has no `_queryFilter`
 */
export function narrowed(query: MappingQuery | undefined, filter: string | QueryFilter, name: string): MappingQuery {
  const { resourceName, params = {} } = query ?? {}
  const { _queryFilter: own = query ? undefined : 'true' } = params
  if (own === undefined)
    throw badRequest(`${name}: the source query of the mapping has no _queryFilter that it can be combined with`)
  const filters = [parseQueryFilter(String(own)), typeof filter === 'string' ? parseQueryFilter(filter) : filter]
  const open = filters.filter((one) => one.operator !== 'literal' || !one.value)
  const joined = open.length === 1 && open[0] ? open[0] : ({ operator: 'and', filters } as const)
  return { resourceName, params: { ...params, _queryFilter: printQueryFilter(joined) } }
}
