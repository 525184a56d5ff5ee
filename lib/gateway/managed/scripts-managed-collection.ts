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
  UpdateRequest,
} from '../../crest/protocol/request.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { HookCall } from '../scripts/call.ts'
import { ManagedCollection, type ManagedCollectionOptions } from './collection.ts'
import { compensate } from './compensation.ts'
import { shown, visible } from './fields.ts'
import type { ManagedEvent, ManagedHooks, StoredChange, Synchronized, WriteCall } from './hooks.ts'
import type { ManagedScripts } from './scripts-managed.ts'
import type { ManagedType } from './type.ts'

export interface ScriptedCollectionOptions extends Omit<ManagedCollectionOptions, 'hooks'> {
  readonly scripts: ManagedScripts
  /** Where a change that could not be synchronized is taken back; absent: it stays. */
  readonly compensates?: ResourceRouter | undefined
}

const POST_HOOKS = { create: 'postCreate', update: 'postUpdate', delete: 'postDelete' } as const

/** The managed objects of one type, with the scripts of its configuration. */
export class ScriptedCollection implements ResourceHandler {
  readonly projectsFields = true
  readonly #type: ManagedType
  readonly #scripts: ManagedScripts
  readonly #compensates: ResourceRouter | undefined
  readonly #objects: ManagedCollection

  constructor({ scripts, compensates, ...options }: ScriptedCollectionOptions) {
    this.#type = options.type
    this.#scripts = scripts
    this.#compensates = compensates
    this.#objects = new ManagedCollection({ ...options, hooks: this.#hooks() })
  }

  create(request: CreateRequest, context: RequestContext): Promise<Resource> {
    return this.#objects.create(request, context)
  }

  async read(request: ReadRequest, context: RequestContext): Promise<Resource> {
    if (!this.#scripts.has('onRead') && !this.#scripts.retrieves) return this.#objects.read(request, context)
    const resource = await this.#objects.read({ ...request, fields: [] }, context)
    const call = this.#call({ request, context })
    const [retrieved = {}] = await this.#scripts.retrieve([representResource(resource)], call)
    const shown = await this.#scripts.run('onRead', { object: retrieved }, call)
    return { ...resource, content: projectFields(withoutIdentity(shown), request.fields) }
  }

  update(request: UpdateRequest, context: RequestContext): Promise<Resource> {
    return this.#objects.update(request, context)
  }

  patch(request: PatchRequest, context: RequestContext): Promise<Resource> {
    return this.#objects.patch(request, context)
  }

  delete(request: DeleteRequest, context: RequestContext): Promise<Resource> {
    return this.#objects.delete(request, context)
  }

  async query(request: QueryRequest, context: RequestContext): Promise<QueryResult> {
    if (!this.#scripts.retrieves) return this.#objects.query(request, context)
    const answer = await this.#objects.query({ ...request, fields: [] }, context)
    const objects = answer.result.map(representResource)
    const shown = await this.#scripts.retrieve(objects, this.#call({ request, context }))
    const result = answer.result.map((resource, index) => ({
      ...resource,
      content: projectFields(withoutIdentity(shown[index] ?? {}), request.fields),
    }))
    return { ...answer, result }
  }

  /** A scripted action receives and returns the object of its path. */
  async action(request: ActionRequest, context: RequestContext): Promise<Json | undefined> {
    if (!this.#scripts.hasAction(request.action)) return this.#objects.action(request, context)
    const { resourcePath } = request
    const read = { resourcePath, fields: [], additionalParameters: {}, method: 'read' } as const
    const object = resourcePath === '' ? {} : representResource(await this.#objects.read(read, context))
    return this.#scripts.action(request.action, object, this.#call({ request, context }))
  }

  /** Only those that the type has scripts for where their presence costs something. */
  #hooks(): ManagedHooks {
    const scripts = this.#scripts
    return {
      beforeCreate: (event, call) => this.#store('onCreate', event, {}, call),
      beforeUpdate: (event, call) => {
        const oldObject = identified(event.id, event.previous ?? {})
        return this.#store('onUpdate', event, { oldObject }, call)
      },
      beforeDelete: async ({ id, object }, call) => {
        await scripts.run('onDelete', { object: identified(id, object) }, this.#call(call, id))
      },
      afterWrite: (change, call) => this.#afterWrite(change, call),
      ...(scripts.retrieves && {
        retrieve: (id, objects, call) => scripts.retrieve(objects, this.#call(call, id)),
      }),
      ...((scripts.has('onSync') || this.#compensates) && {
        afterSync: (change, synchronized, call) => this.#afterSync(change, synchronized, call),
      }),
    }
  }

  async #store(hook: 'onCreate' | 'onUpdate', event: ManagedEvent, more: JsonObject, call: WriteCall) {
    const own = this.#call(call, event.id)
    const object = await this.#scripts.run(hook, { object: identified(event.id, event.object), ...more }, own)
    return withoutIdentity(await this.#scripts.prepare(object, own))
  }

  async #afterWrite({ action, id, before, after }: StoredChange, call: WriteCall): Promise<void> {
    const hook = POST_HOOKS[action]
    if (!this.#scripts.has(hook)) return
    const whole = (resource: Resource) => representResource(shown(this.#type, resource, [], call.context))
    const old: JsonObject = before ? identified(id, visible(this.#type, before.content)) : {}
    const variables: JsonObject = {
      ...(after && both(whole(after))),
      ...(before && { oldObject: after ? old : whole(before) }),
    }
    await this.#scripts.notify(hook, variables, this.#call(call, id))
  }

  async #afterSync(stored: StoredChange, { results, change }: Synchronized, call: WriteCall): Promise<void> {
    const { oldObject, newObject } = change
    const variables: JsonObject = {
      syncResults: results as unknown as JsonObject,
      oldObject,
      newObject,
      object: newObject,
    }
    await this.#scripts.notify('onSync', variables, this.#call(call, stored.id))
    const router = this.#compensates
    if (router) await compensate({ type: this.#type, router }, stored, results, call)
  }

  /** Scripts receive the full path of the request. */
  #call({ request, context }: WriteCall, id: string | null = null): HookCall {
    const { route } = this.#type
    const path = request.resourcePath === '' ? route : `${route}/${request.resourcePath}`
    const resourceName = id !== null && request.resourcePath === '' ? childPath(route, id) : path
    return { request: { ...request, resourcePath: path }, context, resourceName }
  }
}

const identified = (id: string | null, object: JsonObject): JsonObject =>
  id === null ? object : { _id: id, ...object }

const both = (object: JsonObject): JsonObject => ({ object, newObject: object })
