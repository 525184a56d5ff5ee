import { type Configured, ConfiguredObjects } from '../../config/files/configured-objects.ts'
import { describeFault, describeFileFaults, faultAt, schemaFaults } from '../../config/files/fault.ts'
import type { ConfigurationFault, Disposable, Logger } from '../../contract.ts'
import type { RequestPath } from '../../crest/http/request-path.ts'
import type { RequestFilter, ResourceRouter } from '../../crest/protocol/router.ts'
import type { ScriptService } from '../main/engine.ts'
import { compileOrLeaveOut } from '../main/stock.ts'
import { ClosedFilter, Filter, type FilterScripts } from './filter.ts'
import { FILTERS_FORM, filterSchema } from './filter-schema.ts'

export interface RouterFiltersOptions {
  readonly router: ResourceRouter
  readonly scripts: ScriptService
  readonly log: Logger
}

interface AnyFilter extends Pick<Filter, 'covers' | 'handle'> {
  /** What of it has no effect. */
  readonly notices?: readonly ConfigurationFault[]
}

/** All of its scripts are those of IDM that are left out. */
const NO_FILTER: AnyFilter = { covers: () => false, handle: (request, _context, next) => next(request) }

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
      validate: async (entry) => {
        const { error } = filterSchema.safeParse(entry.content)
        return error ? schemaFaults(error) : (await compileFilter(entry, scripts)).faults
      },
      provision: async (entry) => {
        const { filter, notices, faults } = await compileFilter(entry, scripts)
        if (faults.length > 0) throw new Error(faults.map(describeFault).join('; '))
        return { covers: (path) => filter.covers(path), handle: filter.handle, notices }
      },
      notices: (_entry, { notices = [] }) => notices,
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

/** Compiles the scripts of a filter, except those of IDM that are left out. */
async function compileFilter(entry: Configured, scripts: ScriptService) {
  const configuration = filterSchema.parse(entry.content)
  const faults: ConfigurationFault[] = []
  const notices: ConfigurationFault[] = []
  const own: { -readonly [Part in keyof FilterScripts]: FilterScripts[Part] } = {}
  const compile = async (part: keyof FilterScripts): Promise<void> => {
    const script = configuration[part]
    if (!script) return
    try {
      const result = await compileOrLeaveOut(scripts, script, `${nameOf(entry)} ${part}`)
      if ('script' in result) own[part] = result.script
      else notices.push({ pointer: [part], reason: result.leftOut.reason, cure: result.leftOut.cure })
    } catch (error) {
      faults.push(faultAt([part], error))
    }
  }
  for (const part of ['onRequest', 'onResponse', 'onFailure'] as const) await compile(part)
  const isLeftOut = notices.length > 0 && faults.length === 0 && Object.keys(own).length === 0
  if (!isLeftOut) await compile('condition')
  return { filter: isLeftOut ? NO_FILTER : new Filter(scripts, own, configuration), notices, faults }
}

/** One around the other: the first sees the request first, and its answer last. */
const through = (
  [filter, ...others]: readonly AnyFilter[],
  ...[request, context, next]: Parameters<RequestFilter>
): ReturnType<RequestFilter> =>
  filter ? filter.handle(request, context, (changed) => through(others, changed, context, next)) : next(request)
