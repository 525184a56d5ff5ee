import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, notFound } from '../../crest/errors.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import type {
  ActionRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  RequestContext,
  Resource,
  ResourceHandler,
} from '../../crest/protocol/request.ts'
import { requiredParameter } from '../../crest/protocol/request-parameters.ts'
import { childPath, pathElements, pathFrom } from '../../crest/protocol/resource-path.ts'
import { representLink } from '../../repo/links/link-store.ts'
import { ACTIONS, isAction } from '../action.ts'
import { LinkSpace } from '../evaluate/link-space.ts'
import type { SweepNeeds } from '../live/capture/sweep-needs.ts'
import { CHANGE_ACTIONS, type ChangeAction, NOTIFY_ACTIONS } from '../live/change.ts'
import type { LiveSync } from '../live/live-sync.ts'
import type { ConfiguredMapping } from '../mapping/registry.ts'
import { performAction } from '../runs/perform-action.ts'
import type { ReconServiceOptions } from '../runs/recon-service.ts'
import { isSituation, SITUATIONS } from '../situation.ts'
import type { ReconResource } from './recon-resource.ts'

/** Whether a path is served now. */
export type IsServed = (path: string) => boolean

/** `sync`: explicit actions on one pair, the links of an object, and the mappings in their order. */
export class SyncResource implements ResourceHandler {
  readonly #parts: ReconServiceOptions
  readonly #isServed: IsServed
  readonly #recon: ReconResource
  readonly #live: Pick<LiveSync, 'notify' | 'stateOf'>
  readonly #sweepNeeds: Pick<SweepNeeds, 'all'>

  constructor(
    parts: ReconServiceOptions,
    isServed: IsServed,
    recon: ReconResource,
    live: Pick<LiveSync, 'notify' | 'stateOf'>,
    sweepNeeds: Pick<SweepNeeds, 'all'>,
  ) {
    this.#sweepNeeds = sweepNeeds
    this.#parts = parts
    this.#isServed = isServed
    this.#recon = recon
    this.#live = live
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    const [first, name = '', ...rest] = pathElements(resourcePath)
    const all = first === 'mappings' && rest.length === 0 ? await this.#mappings() : []
    const found = all.find(({ id }) => id === name)
    if (!found) throw missing(resourcePath)
    return found
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    if (request.resourcePath === 'parked') return queryInMemory(await this.#parked(), request)
    if (request.resourcePath !== 'mappings') throw missing(request.resourcePath)
    return this.#inOrder(request)
  }

  async action(request: ActionRequest, context: RequestContext): Promise<Json> {
    const { resourcePath, action, additionalParameters: parameters } = request
    if (resourcePath !== '') throw missing(resourcePath)
    if (action === 'recon') return this.#reconcile(request, context)
    const change = changeActionOf(action)
    if (change) return this.#notify(change, request, context)
    if (action === 'getLinkedResources')
      return linkedResources(this.#parts, requiredParameter(parameters, 'resourceName'))
    if (action !== 'performAction')
      throw badRequest(
        `sync has the actions performAction, getLinkedResources, notifyCreate, notifyUpdate, notifyDelete and recon, not ${action}`,
      )
    await this.#perform(parameters, context)
    return { status: 'OK' }
  }

  /** What older clients send in place of `recon?_action=recon`; the answer comes when the reconciliation has ended. */
  async #reconcile(request: ActionRequest, context: RequestContext): Promise<Json> {
    const additionalParameters = { waitForCompletion: 'true', ...request.additionalParameters }
    const run = await this.#recon.action({ ...request, additionalParameters }, context)
    const reconId = isObject(run) ? run._id : undefined
    return { reconId: reconId ?? null, ...(isObject(run) && run), ...DEPRECATED }
  }

  /** Carries out what a write of the host, or of another system, has led to. */
  async #notify(
    action: ChangeAction,
    { additionalParameters: parameters, content }: ActionRequest,
    context: RequestContext,
  ): Promise<Json> {
    const collection = requiredParameter(parameters, 'resourceContainer')
    const resourceId = requiredParameter(parameters, 'resourceId')
    const { newValue, oldValue } = valuesIn(content)
    const change = { collection, resourceId, action, newObject: newValue, oldObject: oldValue }
    return (await this.#live.notify(change, context)).syncDetails as unknown as Json
  }

  async #perform(parameters: Readonly<Record<string, string>>, context: RequestContext): Promise<void> {
    const name = requiredParameter(parameters, 'mapping')
    const configured = await this.#parts.mappings.usable(name)
    const { action = '', situation } = parameters
    if (!isAction(action)) throw badRequest(`The parameter action must be one of ${ACTIONS.join(', ')}`)
    if (situation !== undefined && !isSituation(situation))
      throw badRequest(`The parameter situation must be one of ${SITUATIONS.join(', ')}`)
    const { sourceId, targetId, linkQualifier = 'default' } = parameters
    if (sourceId === undefined && targetId === undefined) throw badRequest('The parameter sourceId is missing')
    const pair = {
      sourceId: sourceId ?? null,
      targetId: targetId ?? null,
      linkQualifier,
      target: parameters.target === 'true',
    }
    await performAction(this.#parts, configured, { ...pair, action, situation: situation ?? null }, context)
  }

  /** The links of objects that go round between two mappings. */
  async #parked(): Promise<Resource[]> {
    const parked = await this.#parts.agreements.parked()
    return parked.map(({ id, mapping, since, ...link }) => {
      return { id, revision: null, content: { ...representLink({ ...link, id }), mapping, since } }
    })
  }

  /** In processing order; the cookie of a page is the name of the next mapping. */
  async #inOrder(request: QueryRequest): Promise<QueryResult> {
    const { pageSize, pagedResultsCookie: cookie, sortKeys } = request
    const resources = await this.#mappings()
    const all = { ...request, pageSize: 0, pagedResultsCookie: null }
    const found = queryInMemory(resources, all)
    if (pageSize === 0 || sortKeys.length > 0) return found
    const start = cookie === null ? request.pagedResultsOffset : found.result.findIndex(({ id }) => id === cookie)
    if (start < 0) throw badRequest('The parameter _pagedResultsCookie is not a cookie of this query')
    const end = start + pageSize
    return { ...found, result: found.result.slice(start, end), pagedResultsCookie: found.result[end]?.id ?? null }
  }

  /** Mappings in force, then those with a fault, which `error` describes. */
  async #mappings(): Promise<Resource[]> {
    const { mappings } = this.#parts
    const needs = await this.#sweepNeeds.all()
    const inForce = mappings.all().map((configured) => this.#mappingOf(configured, needs.get(configured.mapping.name)))
    const names = new Set(inForce.map(({ id }) => id))
    const faulty = new Map(mappings.faulty().map(({ name, config }) => [name, config]))
    const others = [...faulty].filter(([name]) => !names.has(name))
    return [...inForce, ...others.map(([id, config]) => this.#shown(id, { ...withoutIdentity(config), name: id }))]
  }

  #shown(id: string, content: JsonObject): Resource {
    const error = this.#parts.mappings.faultOf(id)
    return { id, revision: null, content: { ...content, ...(error !== undefined && { error }) } }
  }

  #mappingOf(configured: ConfiguredMapping, needsFullRunSince: string | undefined): Resource {
    const { mapping, config } = configured
    const ready: JsonObject = {
      implicitSync: this.#live.stateOf(configured),
      sourceRouteReady: this.#isServed(mapping.source),
      targetRouteReady: this.#isServed(mapping.target),
      ...(needsFullRunSince !== undefined && { needsFullRunSince }),
    }
    return this.#shown(mapping.name, { ...withoutIdentity(config), ...ready })
  }
}

const DEPRECATED = {
  comment1: 'Deprecated API on sync service. Call recon action on recon service instead.',
  comment2: 'Deprecated return property reconId, use _id instead.',
}

const missing = (path: string) => notFound(`Resource '${path === '' ? 'sync' : `sync/${path}`}' not found`)

/** The objects that are linked to an object by any mapping, each once, with their content. */
export async function linkedResources(parts: ReconServiceOptions, resourceName: string): Promise<Json> {
  const elements = pathElements(resourceName)
  const id = elements.at(-1)
  if (elements.length < 2 || id === undefined)
    throw badRequest('The parameter resourceName must be the path of an object')
  const collection = pathFrom(elements.slice(0, -1))
  const found = new Map<string, JsonObject>()
  const mappings = parts.mappings.all().map(({ mapping }) => mapping)
  for (const mapping of mappings) {
    const links = new LinkSpace(mapping, mappings, parts.links)
    const type = mapping.links ?? mapping.name
    const add = async (path: string, key: string, linkQualifier: string, role: string) => {
      const name = childPath(path, key)
      const known = found.get(`${name} ${linkQualifier}`)
      if (known) return void (known.mappings as Json[]).push({ name: mapping.name, type: role })
      const content = await parts.connection.read(name)
      const mappings = [{ name: mapping.name, type: role }]
      found.set(`${name} ${linkQualifier}`, { resourceName: name, content, linkQualifier, linkType: type, mappings })
    }
    if (mapping.source === collection)
      for (const link of await links.bySources([links.sourceKey(id)]))
        await add(mapping.target, link.targetKey, link.qualifier, 'source')
    if (mapping.target === collection)
      for (const link of await links.byTargets([links.targetKey(id)]))
        await add(mapping.source, link.sourceKey, link.qualifier, 'target')
  }
  return [...found.values()]
}

const changeActionOf = (action: string): ChangeAction | undefined =>
  CHANGE_ACTIONS.find((name) => NOTIFY_ACTIONS[name] === action)

/** @throws badRequest */
function valuesIn(content: Json): Record<'newValue' | 'oldValue', JsonObject | null> {
  const given = content ?? {}
  if (!isObject(given)) throw badRequest('The body must be an object {"newValue", "oldValue"}')
  const [newValue, oldValue] = (['newValue', 'oldValue'] as const).map((name) => {
    const value = given[name] ?? null
    if (value !== null && !isObject(value)) throw badRequest(`${name}: must be an object, or null`)
    return value
  })
  return { newValue: newValue ?? null, oldValue: oldValue ?? null }
}
