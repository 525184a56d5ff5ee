import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { ResourceException } from '../../crest/errors.ts'
import { RequestParameters } from '../../crest/protocol/request-parameters.ts'

/** `sourceQuery` and `targetQuery`: where to, and the parameters of the query. */
export interface MappingQuery {
  /** Another resource than the mapping's. */
  readonly resourceName: string | undefined
  readonly params: JsonObject
}

const FORM = 'must be an object with exactly one of "_queryFilter", "_queryId" and "_queryExpression"'

/** Filters may be booleans; a query that names none is one for everything. */
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
    // A misspelt filter would otherwise be a query for everything.
    const [stray] = isNamed ? [] : Object.keys(rest).filter((name) => !name.startsWith('_'))
    if (stray !== undefined) return fault(context, `${FORM}: there is only "${stray}"`)
    const params: JsonObject = isNamed ? rest : { ...rest, _queryFilter: 'true' }
    try {
      const parameters = RequestParameters.ofObject(params)
      parameters.check('query')
      void parameters.query
    } catch (error) {
      return fault(context, `${FORM}: ${error instanceof ResourceException ? error.message : String(error)}`)
    }
    return { resourceName, params }
  })
  .optional()

function fault(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message })
  return z.NEVER
}
