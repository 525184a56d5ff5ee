import { AsyncLocalStorage } from 'node:async_hooks'
import { internalError } from '../../crest/errors.ts'

const depths = new AsyncLocalStorage<number>()

/**
 * How deep scripts are called by scripts. It is known through whatever lies between: a resource, another endpoint, a
 * hook.
 */
export const nesting = {
  /** @throws ResourceException 500 when one more would be too deep */
  next(limit: number): number {
    const depth = (depths.getStore() ?? 0) + 1
    if (depth > limit) throw internalError(`Scripts call each other more than ${limit} levels deep`)
    return depth
  },

  /** Serves a script at `depth`. */
  within<T>(depth: number, work: () => T): T {
    return depths.run(depth, work)
  },
}
