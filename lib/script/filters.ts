import type { ConfigurationConsumer, ConfigurationObject, Disposable, JsonObject, Logger } from '../contract.ts'
import type { RequestPath } from '../crest/request-path.ts'
import type { RequestFilter, ResourceRouter } from '../crest/router.ts'
import { faultsOf } from '../util/schema.ts'
import type { ScriptService } from './engine.ts'
import { Filter } from './filter.ts'
import { filtersSchema } from './filter-schema.ts'
import { parseScript } from './script.ts'

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

  validate(_id: string, content: JsonObject): string[] {
    const parsed = filtersSchema.safeParse(content)
    if (!parsed.success) return faultsOf(parsed.error).map(({ key, message }) => `${key}: ${message}`)
    return parsed.data.filters.flatMap((filter, index) =>
      [filter.condition, filter.onRequest, filter.onResponse, filter.onFailure].flatMap((script) =>
        script ? faultOf(() => parseScript(script), `filters.${index}`) : [],
      ),
    )
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
    const faults = this.validate(object.id, content)
    if (faults.length > 0) throw new Error(`${file}: ${faults.join('; ')}`)
    const { filters } = filtersSchema.parse(content)
    const name = (index: number) => `router filter ${index + 1}`
    try {
      return await Promise.all(filters.map((filter, index) => Filter.make(this.#options.scripts, filter, name(index))))
    } catch (failure) {
      throw new Error(`${file}: ${(failure as Error).message}`)
    }
  }
}

/** One around the other: the first sees the request first, and its answer last. */
const through = (
  [filter, ...others]: readonly Filter[],
  ...[request, context, next]: Parameters<RequestFilter>
): ReturnType<RequestFilter> =>
  filter ? filter.handle(request, context, (changed) => through(others, changed, context, next)) : next(request)

function faultOf(work: () => unknown, where: string): string[] {
  try {
    work()
    return []
  } catch (error) {
    return [`${where}: ${(error as Error).message}`]
  }
}
