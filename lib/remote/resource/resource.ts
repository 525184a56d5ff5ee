import type { CapturedRequest, ChangeCapture, Json } from '../../contract.ts'
import { provesUnsent } from '../../core/http/fault.ts'
import type { HttpRequest, HttpResponse } from '../../core/http/http-client.ts'
import { badGateway, badRequest, notFound, notSupported, ResourceException } from '../../crest/errors.ts'
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
import type { Instance } from '../instance/instance.ts'
import type { InstanceRegistry } from '../instance/registry.ts'
import { answeredDeletion, answeredJson, answeredQuery, answeredResource } from './resource-answer.ts'
import { isPosted } from './resource-query.ts'
import { remoteRequest } from './resource-request.ts'

/**
 * The route `external/idm`: the list of instances, the action `test` on an instance, and the resources of each remote
 * below `external/idm/NAME/`. To scripts and reconciliation a remote resource is like any other.
 * @param truststore path of the trust store, for the commands in a cure
 * @param capture the service of the host that notes changes, if there is one yet
 */
export const remoteResource = (
  registry: InstanceRegistry,
  truststore: string,
  capture: () => ChangeCapture | undefined = () => undefined,
): ResourceHandler => new RemoteResource(registry, truststore, capture)

class RemoteResource implements ResourceHandler {
  /** The remote applies `_fields`. */
  readonly projectsFields = true
  /** OpenIDM clears the roles of an object that is written without its `_id`. */
  readonly takesIdentity = true
  readonly #registry: InstanceRegistry
  readonly #status: InstanceStatusResource
  readonly #capture: () => ChangeCapture | undefined

  constructor(registry: InstanceRegistry, truststore: string, capture: () => ChangeCapture | undefined) {
    this.#registry = registry
    this.#capture = capture
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
    const instance = rest.length === 0 ? this.#registry.require(name) : this.#inForce(name)
    if (rest.length === 0) throw notFound(`Remote instance "${name}": a path at the remote must follow its name`)
    const answer = await this.#send(instance, remoteRequest(request, rest.join('/'), context), context)
    const { date } = answer.headers
    if (context.onDate && typeof date === 'string' && !Number.isNaN(Date.parse(date))) context.onDate(Date.parse(date))
    if (answer.status === 401) throw refusedCredentials(name, instance.properties.authType)
    return answer
  }

  /** A 404 would say that the object does not exist, and mappings would take it for deleted. @throws badGateway */
  #inForce(name: string): Instance {
    this.#registry.assertOpen()
    const instance = this.#registry.get(name)
    if (!instance) throw badGateway(this.#registry.absence(name))
    return instance
  }

  async #send(instance: Instance, request: HttpRequest, context: RequestContext): Promise<HttpResponse> {
    const capture = request.method === 'GET' ? undefined : this.#capture()
    if (!capture) return instance.client.request(request)
    const { transactionId, syncChain, security } = context
    const caller = { transactionId, syncChain, userId: security?.authenticationId }
    const outgoing = { instance: instance.name, method: request.method, path: request.path, ...caller }
    const noted: { request?: CapturedRequest } = {}
    try {
      const answer = await instance.client.request(request, () =>
        capture.intend(outgoing)?.then((captured) => {
          noted.request = captured
        }),
      )
      noted.request?.answered(answer.status, answer.unreadable ? undefined : answer.text)
      return answer
    } catch (error) {
      if (provesUnsent(error instanceof ResourceException ? error.cause : error)) noted.request?.unsent()
      else noted.request?.lost()
      throw error
    }
  }
}

/** The full path of the resource, for messages. */
const nameOf = ({ resourcePath }: ResourceRequest): string => `external/idm/${resourcePath}`

const idOf = ({ resourcePath }: ResourceRequest): string => pathElements(resourcePath).at(-1) ?? ''
