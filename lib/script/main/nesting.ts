import { AsyncLocalStorage } from 'node:async_hooks'
import { internalError } from '../../crest/errors.ts'

const depths = new AsyncLocalStorage<number>()

/**
 * The depth of scripts that call scripts. It is kept across everything between them: resources, endpoints, hooks.
 */
export const nesting = {
  /** @throws ResourceException 500 when the next level exceeds the limit */
  next(limit: number): number {
    const depth = (depths.getStore() ?? 0) + 1
    if (depth > limit) throw internalError(`Scripts call each other more than ${limit} levels deep`)
    return depth
  },

  /** Runs `work` for a script at `depth`. */
  within<T>(depth: number, work: () => T): T {
    return depths.run(depth, work)
  },
}
