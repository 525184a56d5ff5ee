import type { Json, JsonObject } from '../../contract.ts'
import { projectFields } from '../../crest/protocol/fields.ts'
import { representResource, withoutIdentity } from '../../crest/protocol/represent.ts'
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
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { HookCall } from '../scripts/call.ts'
import { ManagedCollection, type ManagedCollectionOptions } from './collection.ts'
import type { ManagedEvent, ManagedHooks } from './hooks.ts'
import type { ManagedScripts } from './scripts-managed.ts'
import type { ManagedType } from './type.ts'

/** State of a request in flight. */
interface RequestState {
  readonly request: ResourceRequest
  /** The stored object before the write. */
  previous?: JsonObject
}

/** The managed objects of one type, with the scripts of its configuration. */
export class ScriptedCollection implements ResourceHandler {
  readonly projectsFields = true
  readonly #type: ManagedType
  readonly #scripts: ManagedScripts
  readonly #objects: ManagedCollection
  /** State for the hooks, by the context created for each request. */
  readonly #states = new WeakMap<RequestContext, RequestState>()

  constructor(options: Omit<ManagedCollectionOptions, 'hooks'>, scripts: ManagedScripts) {
    this.#type = options.type
    this.#scripts = scripts
    this.#objects = new ManagedCollection({ ...options, hooks: this.#hooks() })
  }

  async create(request: CreateRequest, context: RequestContext): Promise<Resource> {
    const { own } = this.#enter(request, context)
    const resource = await this.#objects.create(request, own)
    await this.#scripts.notify(
      'postCreate',
      both(representResource(resource)),
      this.#call(request, context, resource.id),
    )
    return resource
  }

  async read(request: ReadRequest, context: RequestContext): Promise<Resource> {
    if (!this.#scripts.has('onRead') && !this.#scripts.retrieves) return this.#objects.read(request, context)
    const resource = await this.#objects.read({ ...request, fields: [] }, context)
    const call = this.#call(request, context)
    const [retrieved = {}] = await this.#scripts.retrieve([representResource(resource)], call)
    const shown = await this.#scripts.run('onRead', { object: retrieved }, call)
    return { ...resource, content: projectFields(withoutIdentity(shown), request.fields) }
  }

  async update(request: UpdateRequest, context: RequestContext): Promise<Resource> {
    const { own, state } = this.#enter(request, context)
    return this.#updated(request, context, state, await this.#objects.update(request, own))
  }

  async patch(request: PatchRequest, context: RequestContext): Promise<Resource> {
    const { own, state } = this.#enter(request, context)
    return this.#updated(request, context, state, await this.#objects.patch(request, own))
  }

  async delete(request: DeleteRequest, context: RequestContext): Promise<Resource> {
    const { own } = this.#enter(request, context)
    const resource = await this.#objects.delete(request, own)
    const oldObject = representResource(resource)
    await this.#scripts.notify('postDelete', { oldObject }, this.#call(request, context))
    return resource
  }

  async query(request: QueryRequest, context: RequestContext): Promise<QueryResult> {
    if (!this.#scripts.retrieves) return this.#objects.query(request, context)
    const answer = await this.#objects.query({ ...request, fields: [] }, context)
    const objects = answer.result.map(representResource)
    const shown = await this.#scripts.retrieve(objects, this.#call(request, context))
    const result = answer.result.map((resource, index) => ({
      ...resource,
      content: projectFields(withoutIdentity(shown[index] ?? {}), request.fields),
    }))
    return { ...answer, result }
  }

  /** A scripted action receives and returns the object of its path. */
  async action(request: ActionRequest, context: RequestContext): Promise<Json | undefined> {
    if (!this.#scripts.hasAction(request.action))
      return this.#objects.action(request, this.#enter(request, context).own)
    const { resourcePath } = request
    const read = { resourcePath, fields: [], additionalParameters: {}, method: 'read' } as const
    const object = resourcePath === '' ? {} : representResource(await this.#objects.read(read, context))
    return this.#scripts.action(request.action, object, this.#call(request, context))
  }

  async #updated(request: ResourceRequest, context: RequestContext, state: RequestState, resource: Resource) {
    // Hooks are not called for writes without changes.
    if (state.previous) {
      const variables = { ...both(representResource(resource)), oldObject: state.previous }
      await this.#scripts.notify('postUpdate', variables, this.#call(request, context))
    }
    return resource
  }

  #enter(request: ResourceRequest, context: RequestContext) {
    const own = { ...context }
    const state: RequestState = { request }
    this.#states.set(own, state)
    return { own, state }
  }

  /** The hooks between request and repository. */
  #hooks(): ManagedHooks {
    return {
      beforeCreate: (event, context) => this.#store('onCreate', event, {}, context),
      beforeUpdate: async (event, context) => {
        const { id, previous = {} } = event
        const oldObject = identified(id, previous)
        const state = this.#states.get(context)
        if (state) state.previous = oldObject
        return this.#store('onUpdate', event, { oldObject }, context)
      },
      beforeDelete: async ({ id, object }, context) => {
        await this.#scripts.run('onDelete', { object: identified(id, object) }, this.#inner(context, id))
      },
    }
  }

  async #store(hook: 'onCreate' | 'onUpdate', event: ManagedEvent, more: JsonObject, context: RequestContext) {
    const call = this.#inner(context, event.id)
    const object = await this.#scripts.run(hook, { object: identified(event.id, event.object), ...more }, call)
    return withoutIdentity(await this.#scripts.prepare(object, call))
  }

  /** Contexts inside the collection are created by `#enter`. */
  #inner(context: RequestContext, id: string | null): HookCall {
    const request = this.#states.get(context)?.request
    if (!request) throw new Error('a managed object was written without a request')
    return this.#call(request, context, id)
  }

  /** Scripts receive the full path of the request. */
  #call(request: ResourceRequest, context: RequestContext, id: string | null = null): HookCall {
    const { route } = this.#type
    const path = request.resourcePath === '' ? route : `${route}/${request.resourcePath}`
    const resourceName = id !== null && request.resourcePath === '' ? childPath(route, id) : path
    return { request: { ...request, resourcePath: path }, context, resourceName }
  }
}

const identified = (id: string | null, object: JsonObject): JsonObject =>
  id === null ? object : { _id: id, ...object }

const both = (object: JsonObject): JsonObject => ({ object, newObject: object })
