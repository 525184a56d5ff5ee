import type { Json, JsonObject } from '../../contract.ts'
import { badRequest, conflict, notFound } from '../../crest/errors.ts'
import type {
  ActionRequest,
  DeleteRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  RequestContext,
  Resource,
  ResourceHandler,
} from '../../crest/protocol/request.ts'
import { requiredParameter } from '../../crest/protocol/request-parameters.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import type { EventSelection } from '../../repo/queue/event-store.ts'
import type { QueueService, QueueStatus } from '../live/queue/queue-service.ts'
import { callerOf } from '../runs/execution.ts'
import { type Hidden, narrowing, queryEvents, queuedResource } from './event-view.ts'

export interface QueueResourceOptions {
  readonly service: QueueService
  readonly hidden: Hidden
}

/**
 * `sync/queue`: the queued changes. Without id, a read answers with the state of the queue of each mapping. Only this
 * gateway has actions: `pause` and `release` a mapping, `drop` its events.
 */
export class QueueResource implements ResourceHandler {
  readonly #service: QueueService
  readonly #hidden: Hidden

  constructor({ service, hidden }: QueueResourceOptions) {
    this.#service = service
    this.#hidden = hidden
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    if (resourcePath === '') {
      const queues = (await this.#service.status()).map(shownStatus)
      return { id: '', revision: null, content: { queues } }
    }
    return this.#find(resourcePath)
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    if (request.resourcePath !== '') throw missing(request.resourcePath)
    const { events } = this.#service
    const names = (await events.queues()).map(({ mapping }) => mapping)
    const selection = narrowing(request.queryFilter, names)
    const page = async (after: string | null, limit: number) => (selection ? events.page(selection, after, limit) : [])
    return queryEvents(request, page, (event) =>
      queuedResource(event, this.#service.remainingOf(event.mapping), this.#hidden),
    )
  }

  /** Drops one event. */
  async delete({ resourcePath }: DeleteRequest): Promise<Resource> {
    const found = await this.#find(resourcePath)
    const dropped = await this.#service.events.drop({ ids: [found.id] })
    if (dropped === 0) throw conflict(`The queued change ${found.id} is being carried out`)
    return found
  }

  async action(request: ActionRequest, context: RequestContext): Promise<Json> {
    const { resourcePath, action, additionalParameters: parameters } = request
    if (resourcePath !== '') throw missing(resourcePath)
    if (action === 'pause' || action === 'release') {
      const mapping = requiredParameter(parameters, 'mapping')
      const pause = await this.#service[action](mapping, callerOf(context).name)
      return { mapping, paused: action === 'pause', pause: pause && { ...pause } }
    }
    if (action !== 'drop') throw badRequest(`sync/queue has the actions pause, release and drop, not ${action}`)
    return { dropped: await this.#service.events.drop(selectionOf(parameters)) }
  }

  async #find(path: string): Promise<Resource> {
    const [id = '', ...rest] = pathElements(path)
    const event = rest.length === 0 ? await this.#service.events.find(id) : undefined
    if (!event) throw missing(path)
    return queuedResource(event, this.#service.remainingOf(event.mapping), this.#hidden)
  }
}

/** `id`, `mapping`, or `all=true`: nothing is meant by leaving all out. */
export function selectionOf({ id, mapping, all }: Readonly<Record<string, string>>): EventSelection {
  if (id !== undefined && id !== '') return { ids: [id] }
  if (mapping !== undefined && mapping !== '') return { mapping }
  if (all === 'true') return {}
  throw badRequest('Give the parameter id or mapping, or all=true')
}

const shownStatus = ({ pause, ...status }: QueueStatus): JsonObject => ({ ...status, pause: pause && { ...pause } })

const missing = (path: string) => notFound(`Resource 'sync/queue/${path}' not found`)
