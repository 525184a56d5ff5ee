import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { StoredRun } from '../../repo/run-store.ts'
import { shownQuery } from '../context/run-options.ts'
import type { ConfiguredMapping } from '../mapping/registry.ts'

/** So many plans are remembered with their mappings; the oldest goes first. */
const MOST_PLANS = 100

/** The mappings that plans were made with: a plan means something else, or somewhere else, with another one. */
export class PlannedMappings {
  readonly #configs = new Map<string, JsonObject>()

  note(runId: string, config: JsonObject): void {
    this.#configs.set(runId, config)
    const [oldest] = this.#configs.keys()
    if (this.#configs.size > MOST_PLANS && oldest !== undefined) this.#configs.delete(oldest)
  }

  /** Whether the plan was made with this mapping; of one from before the last start the two resources and queries tell. */
  isSame({ id, content }: StoredRun, { mapping, config }: ConfiguredMapping): boolean {
    const known = this.#configs.get(id)
    if (known) return isDeepStrictEqual(known, config)
    const { sourceQuery, targetQuery } = isObject(content.parameters) ? content.parameters : {}
    const now = [shownQuery(mapping, 'source'), shownQuery(mapping, 'target')]
    return isDeepStrictEqual([sourceQuery, targetQuery], now)
  }
}
