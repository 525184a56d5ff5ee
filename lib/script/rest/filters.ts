import { describeFaults, faultAt, schemaFaults } from '../../config/files/fault.ts'
import type {
  ConfigurationConsumer,
  ConfigurationFault,
  ConfigurationObject,
  Disposable,
  JsonObject,
  Logger,
} from '../../contract.ts'
import type { RequestPath } from '../../crest/http/request-path.ts'
import type { RequestFilter, ResourceRouter } from '../../crest/protocol/router.ts'
import type { ScriptService } from '../main/engine.ts'
import { FILTER_SCRIPTS, Filter } from './filter.ts'
import { filtersSchema } from './filter-schema.ts'

export interface RouterFiltersOptions {
  readonly router: ResourceRouter
  readonly scripts: ScriptService
  readonly log: Logger
}

/**
 * The filters of `conf/router.json` around all resources of a router. A broken edit keeps the filters that are in
 * force; broken ones at the start are an error, since a filter may be what protects a resource.
 */
export class RouterFilters implements ConfigurationConsumer, Disposable {
  readonly factoryPid = 'router'
  readonly #options: RouterFiltersOptions
  readonly #entry: Disposable
  #filters: readonly Filter[] = []
  #isStarted = false

  constructor(options: RouterFiltersOptions) {
    this.#options = options
    this.#entry = options.router.use((request, context, next) => through(this.#filters, request, context, next))
  }

  /** Whether some filter is concerned with this path, however it is read: then it must come to the router. */
  covers(path: RequestPath): boolean {
    return this.#filters.some((filter) => filter.covers(path))
  }

  async validate(_id: string, content: JsonObject): Promise<ConfigurationFault[]> {
    const parsed = filtersSchema.safeParse(content)
    if (!parsed.success) return schemaFaults(parsed.error)
    const faults: ConfigurationFault[] = []
    for (const [index, filter] of parsed.data.filters.entries())
      for (const part of FILTER_SCRIPTS) {
        const script = filter[part]
        const compiled = script && this.#options.scripts.compile(script, `router filter ${index + 1} ${part}`)
        await compiled?.catch((error: unknown) => faults.push(faultAt(['filters', `${index}`, part], error)))
      }
    return faults
  }

  /** @throws Error with a sentence when the filters are broken at the start */
  async apply([object]: readonly ConfigurationObject[]): Promise<void> {
    try {
      this.#filters = await this.#make(object)
      this.#isStarted = true
    } catch (error) {
      if (!this.#isStarted) throw error
      this.#options.log.error({ file: object?.file }, `${(error as Error).message}; what was in force stays`)
    }
  }

  async dispose(): Promise<void> {
    await this.#entry.dispose()
  }

  async #make(object: ConfigurationObject | undefined): Promise<Filter[]> {
    if (!object) return []
    const { file, content, error } = object
    if (content === undefined) throw new Error(error ?? `${file}: it could not be read`)
    const parsed = filtersSchema.safeParse(content)
    if (!parsed.success) throw new Error(`${file}: ${describeFaults(object, schemaFaults(parsed.error))}`)
    const { filters } = parsed.data
    const name = (index: number) => `router filter ${index + 1}`
    try {
      return await Promise.all(filters.map((filter, index) => Filter.make(this.#options.scripts, filter, name(index))))
    } catch (failure) {
      throw new Error(`${file}: ${describeFaults(object, [(failure as Error).message])}`)
    }
  }
}

/** One around the other: the first sees the request first, and its answer last. */
const through = (
  [filter, ...others]: readonly Filter[],
  ...[request, context, next]: Parameters<RequestFilter>
): ReturnType<RequestFilter> =>
  filter ? filter.handle(request, context, (changed) => through(others, changed, context, next)) : next(request)
