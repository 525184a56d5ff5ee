import type { Json } from '../../contract.ts'
import type { HttpResponse } from '../../core/http/http-client.ts'
import { badRequest, notFound, notSupported, ResourceException } from '../../crest/errors.ts'
import { projectFields } from '../../crest/protocol/fields.ts'
import type {
  ActionRequest,
  CreateRequest,
  DeleteRequest,
  PatchRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  RequestContext,
  Resource,
  ResourceHandler,
  ResourceRequest,
  UpdateRequest,
} from '../../crest/protocol/request.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import { InstanceStatusResource } from '../check/status.ts'
import { refusedCredentials } from '../http/fault.ts'
import type { InstanceRegistry } from '../instance/registry.ts'
import { answeredDeletion, answeredJson, answeredQuery, answeredResource } from './resource-answer.ts'
import { isPosted } from './resource-query.ts'
import { remoteRequest } from './resource-request.ts'

/**
 * The route `external/idm`: the list of instances, the action `test` on an instance, and the resources of each remote
 * below `external/idm/NAME/`. To scripts and reconciliation a remote resource is like any other.
 * @param truststore path of the trust store, for the commands in a cure
 */
export const remoteResource = (registry: InstanceRegistry, truststore: string): ResourceHandler =>
  new RemoteResource(registry, truststore)

class RemoteResource implements ResourceHandler {
  /** The remote applies `_fields`. */
  readonly projectsFields = true
  /** OpenIDM clears the roles of an object that is written without its `_id`. */
  readonly takesIdentity = true
  readonly #registry: InstanceRegistry
  readonly #status: InstanceStatusResource

  constructor(registry: InstanceRegistry, truststore: string) {
    this.#registry = registry
    this.#status = new InstanceStatusResource(registry, truststore)
  }

  async create(request: CreateRequest, context: RequestContext): Promise<Resource> {
    const { newResourceId: id } = request
    try {
      return await this.#resource(request, context, id)
    } catch (error) {
      if (id === null || !isPosted(request) || !(error instanceof ResourceException)) throw error
      const { code, reason, detail, retryAfterMs, cause } = error
      const message = `The object with the id ${JSON.stringify(id)} was not created: ${error.message}`
      throw new ResourceException(code, message, {
        reason,
        retryAfterMs,
        cause,
        ...(detail !== undefined && { detail }),
      })
    }
  }

  read(request: ReadRequest, context: RequestContext): Promise<Resource> {
    return this.#resource(request, context)
  }

  update(request: UpdateRequest, context: RequestContext): Promise<Resource> {
    return this.#resource(request, context)
  }

  patch(request: PatchRequest, context: RequestContext): Promise<Resource> {
    return this.#resource(request, context)
  }

  async delete(request: DeleteRequest, context: RequestContext): Promise<Resource> {
    return answeredDeletion(nameOf(request), idOf(request), await this.#ask(request, context))
  }

  async query(request: QueryRequest, context: RequestContext): Promise<QueryResult> {
    if (request.resourcePath === '') return this.#list(request)
    return answeredQuery(nameOf(request), await this.#ask(request, context))
  }

  async action(request: ActionRequest, context: RequestContext): Promise<Json | undefined> {
    const { resourcePath: path } = request
    if (path !== '' && !path.includes('/')) return this.#status.action(path, request)
    return answeredJson(nameOf(request), await this.#ask(request, context))
  }

  async #resource(
    request: Exclude<ResourceRequest, QueryRequest | ActionRequest>,
    context: RequestContext,
    id: string | null = idOf(request),
  ): Promise<Resource> {
    return answeredResource(nameOf(request), id, await this.#ask(request, context))
  }

  /** The list of instances applies `_fields` here, because `projectsFields` turns it off for the whole route. */
  #list(request: QueryRequest): QueryResult {
    const answer = this.#status.query(request)
    const project = (resource: Resource) => ({ ...resource, content: projectFields(resource.content, request.fields) })
    return { ...answer, result: answer.result.map(project) }
  }

  async #ask(request: ResourceRequest, context: RequestContext): Promise<HttpResponse> {
    if (request.resourcePath === '' && request.method === 'read')
      throw badRequest('The collection external/idm cannot be read: query it with _queryFilter=true')
    if (request.resourcePath === '') throw notSupported(`The list of instances does not support ${request.method}`)
    const [name = '', ...rest] = request.resourcePath.split('/')
    const instance = this.#registry.require(name)
    if (rest.length === 0) throw notFound(`Remote instance "${name}": a path at the remote must follow its name`)
    const answer = await instance.client.request(remoteRequest(request, rest.join('/'), context))
    const { date } = answer.headers
    if (context.onDate && typeof date === 'string' && !Number.isNaN(Date.parse(date))) context.onDate(Date.parse(date))
    if (answer.status === 401) throw refusedCredentials(name, instance.properties.authType)
    return answer
  }
}

/** The full path of the resource, for messages. */
const nameOf = ({ resourcePath }: ResourceRequest): string => `external/idm/${resourcePath}`

const idOf = ({ resourcePath }: ResourceRequest): string => pathElements(resourcePath).at(-1) ?? ''
