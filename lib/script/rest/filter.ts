import type { Json, JsonObject } from '../../contract.ts'
import { type ResourceException, serviceUnavailable, toResourceException } from '../../crest/errors.ts'
import { type RequestPath, readingsOf, readResourcePath } from '../../crest/http/request-path.ts'
import type { RequestContext, ResourceRequest } from '../../crest/protocol/request.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { Answer, RequestFilter } from '../../crest/protocol/router.ts'
import type { Script, ScriptService } from '../main/engine.ts'
import { type FilterConfiguration, scopeOf } from './filter-schema.ts'
import { requestFrom } from './request-from-variable.ts'
import { answerFrom, responseVariable } from './response-variable.ts'

export type FilterScripts = Readonly<Partial<Record<'condition' | 'onRequest' | 'onResponse' | 'onFailure', Script>>>

/** Which requests a filter sees. */
class FilterScope {
  readonly #pattern: RegExp | undefined
  readonly #methods: readonly string[] | undefined

  constructor({ pattern, methods }: Pick<FilterConfiguration, 'pattern' | 'methods'>) {
    this.#pattern = pattern === null || pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`)
    this.#methods = methods ?? undefined
  }

  /** Whether the filter applies to any reading of this path. */
  covers(path: RequestPath): boolean {
    const pattern = this.#pattern
    return pattern === undefined || readingsOf(path).some((reading) => pattern.test(reading))
  }

  sees(request: ResourceRequest): boolean {
    if (this.#methods?.includes(request.method) === false) return false
    return pathsOf(request).some((path) => this.covers(readResourcePath(path)))
  }
}

const ADMINISTRATOR = 'internal/role/openidm-admin'
/** What the administrator needs to find a fault and to correct it. */
const ALWAYS_OPEN = /^(?:config|info|health)(?:\/|$)/

/** Stands for a filter that cannot be run: what the filter would see is refused. */
export class ClosedFilter extends FilterScope {
  readonly #fault: string
  readonly #reopen: () => Promise<Pick<Filter, 'handle'> | undefined>

  /** @param reopen looks whether the filter can be run by now */
  constructor(content: Json, fault: string, reopen: () => Promise<Pick<Filter, 'handle'> | undefined>) {
    super(scopeOf(content))
    this.#fault = fault
    this.#reopen = reopen
  }

  readonly handle: RequestFilter = async (request, context, next) => {
    const isAdministrator = context.security?.authorization.roles.includes(ADMINISTRATOR)
    if (!this.sees(request) || (isAdministrator && ALWAYS_OPEN.test(readResourcePath(request.resourcePath).strict)))
      return next(request)
    const filter = await this.#reopen()
    if (filter) return filter.handle(request, context, next)
    throw serviceUnavailable(`A filter of this resource cannot be run: ${this.#fault}`)
  }
}

/** One filter of `conf/router.json` (docs/scripts.md). */
export class Filter extends FilterScope {
  readonly #scripts: ScriptService
  readonly #own: FilterScripts

  constructor(scripts: ScriptService, own: FilterScripts, configuration: FilterConfiguration) {
    super(configuration)
    this.#scripts = scripts
    this.#own = own
  }

  readonly handle: RequestFilter = async (request, context, next) => {
    if (!(await this.#applies(request, context))) return next(request)
    const changed = await this.#onRequest(request, context)
    let answer: Answer
    try {
      answer = await next(changed)
    } catch (error) {
      throw await this.#onFailure(changed, context, toResourceException(error))
    }
    return this.#onResponse(changed, context, answer)
  }

  async #applies(request: ResourceRequest, context: RequestContext): Promise<boolean> {
    if (!this.sees(request)) return false
    const { condition } = this.#own
    if (!condition) return true
    const value = await this.#scripts.run(condition, variablesOf(request), { context, request })
    return Boolean(value)
  }

  async #onRequest(request: ResourceRequest, context: RequestContext): Promise<ResourceRequest> {
    const { onRequest } = this.#own
    if (!onRequest) return request
    const options = { context, request }
    const { variables } = await this.#scripts.runAndRead(onRequest, variablesOf(request), ['request'], options)
    return requestFrom(request, variables.request ?? null)
  }

  async #onResponse(request: ResourceRequest, context: RequestContext, answer: Answer): Promise<Answer> {
    const { onResponse } = this.#own
    if (!onResponse) return answer
    const given = { ...variablesOf(request), response: responseVariable(request, answer) }
    const { variables } = await this.#scripts.runAndRead(onResponse, given, ['response'], { context, request })
    const { response = null } = variables
    return JSON.stringify(response) === JSON.stringify(given.response) ? answer : answerFrom(request, response, answer)
  }

  /** The error for the caller: that of the script, or the original one. */
  async #onFailure(
    request: ResourceRequest,
    context: RequestContext,
    exception: ResourceException,
  ): Promise<ResourceException> {
    const { onFailure } = this.#own
    if (!onFailure) return exception
    const given = { ...variablesOf(request), exception: { ...exception.toJSON() } as JsonObject as Json }
    try {
      await this.#scripts.run(onFailure, given, { context, request })
      return exception
    } catch (error) {
      return toResourceException(error)
    }
  }
}

/** A creating PUT is a request to the collection: filters for the collection and for the object apply. */
const pathsOf = (request: ResourceRequest): readonly string[] =>
  request.method === 'create' && request.newResourceId
    ? [request.resourcePath, childPath(request.resourcePath, request.newResourceId)]
    : [request.resourcePath]

const variablesOf = ({ resourcePath }: ResourceRequest): JsonObject => ({ resourcePath, resourceName: resourcePath })
