import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { RequestParameters } from '../../crest/protocol/request-parameters.ts'

/** `sourceQuery` and `targetQuery`. */
export interface MappingQuery {
  /** The resource to query; undefined = the one of the mapping. */
  readonly resourceName: string | undefined
  readonly params: JsonObject
}

const FORM = 'must be an object with exactly one of "_queryFilter", "_queryId" and "_queryExpression"'

/** Filters may be booleans. A query without a filter, id or expression is for all objects. */
export const querySchema = z
  .unknown()
  .transform((value, context): MappingQuery | undefined => {
    if (value === undefined || value === null) return undefined
    if (!isObject(value)) return fault(context, FORM)
    const { resourceName, ...rest } = value
    if (resourceName !== undefined && typeof resourceName !== 'string')
      return fault(context, 'resourceName: must be the path of a resource')
    const names = ['_queryFilter', '_queryId', '_queryExpression']
    const isNamed = names.some((name) => name in rest)
    // Otherwise a misspelt filter would query all objects.
    const [stray] = isNamed ? [] : Object.keys(rest).filter((name) => !name.startsWith('_'))
    if (stray !== undefined) return fault(context, `${FORM}: there is only "${stray}"`)
    const params: JsonObject = isNamed ? rest : { ...rest, _queryFilter: 'true' }
    try {
      const parameters = RequestParameters.ofObject(params)
      parameters.check('query')
      void parameters.query
    } catch (error) {
      return fault(context, `${FORM}: ${(error as Error).message}`)
    }
    return { resourceName, params }
  })
  .optional()

function fault(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message })
  return z.NEVER
}
