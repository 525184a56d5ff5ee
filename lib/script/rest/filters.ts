import { type Configured, ConfiguredObjects } from '../../config/files/configured-objects.ts'
import { describeFileFaults, faultAt, schemaFaults } from '../../config/files/fault.ts'
import type { ConfigurationFault, Disposable, Logger } from '../../contract.ts'
import type { RequestPath } from '../../crest/http/request-path.ts'
import type { RequestFilter, ResourceRouter } from '../../crest/protocol/router.ts'
import type { ScriptService } from '../main/engine.ts'
import { ClosedFilter, FILTER_SCRIPTS, Filter } from './filter.ts'
import { FILTERS_FORM, filterSchema } from './filter-schema.ts'

export interface RouterFiltersOptions {
  readonly router: ResourceRouter
  readonly scripts: ScriptService
  readonly log: Logger
}

type AnyFilter = Pick<Filter, 'covers' | 'handle'>

/**
 * The filters of `conf/router.json` around all resources of a router. A filter may be what protects a resource: one that
 * was never good refuses with 503 what it would see.
 */
export class RouterFilters extends ConfiguredObjects<AnyFilter> {
  readonly #entry: Disposable

  constructor({ router, scripts, log }: RouterFiltersOptions) {
    super({
      factoryPid: 'router',
      list: { member: 'filters', form: FILTERS_FORM, isOptional: true, keyOf: scopeKey },
      validate: (entry) => judge(entry, scripts),
      provision: (entry) => Filter.make(scripts, filterSchema.parse(entry.content), nameOf(entry)),
      fallback: ({ content }, key, faults) =>
        new ClosedFilter(content, describeFileFaults(faults), () => this.retry(key)),
      consequence: 'what it would see is refused with 503',
      log,
    })
    this.#entry = router.use((request, context, next) => through(this.values, request, context, next))
  }

  /** Whether some filter is concerned with this path, however it is read: then it must come to the router. */
  covers(path: RequestPath): boolean {
    return this.values.some((filter) => filter.covers(path))
  }

  override async dispose(): Promise<void> {
    await this.#entry.dispose()
    await super.dispose()
  }
}

/** A filter is the same one as long as it sees the same requests. */
const scopeKey = (content: unknown): string | undefined => {
  const { data } = filterSchema.safeParse(content)
  return data && JSON.stringify([data.pattern, data.methods])
}

const nameOf = ({ pointer }: Configured): string => `router filter ${Number(pointer.at(-1)) + 1}`

async function judge(entry: Configured, scripts: ScriptService): Promise<ConfigurationFault[]> {
  const { data, error } = filterSchema.safeParse(entry.content)
  if (error) return schemaFaults(error)
  const faults: ConfigurationFault[] = []
  for (const part of FILTER_SCRIPTS) {
    const script = data[part]
    const compiled = script && scripts.compile(script, `${nameOf(entry)} ${part}`)
    await compiled?.catch((fault: unknown) => faults.push(faultAt([part], fault)))
  }
  return faults
}

/** One around the other: the first sees the request first, and its answer last. */
const through = (
  [filter, ...others]: readonly AnyFilter[],
  ...[request, context, next]: Parameters<RequestFilter>
): ReturnType<RequestFilter> =>
  filter ? filter.handle(request, context, (changed) => through(others, changed, context, next)) : next(request)
