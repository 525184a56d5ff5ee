import type { Json } from '../../contract.ts'
import { badRequest, notFound } from '../../crest/errors.ts'
import type {
  ActionRequest,
  DeleteRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  Resource,
  ResourceHandler,
} from '../../crest/protocol/request.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import type { DeadLetter } from '../../repo/queue/event.ts'
import type { EventSelection, EventStore } from '../../repo/queue/event-store.ts'
import { deadLetterResource, type Hidden, queryEvents } from './event-view.ts'
import { selectionOf } from './queue-resource.ts'

export interface DeadLetterResourceOptions {
  readonly events: EventStore
  readonly hidden: Hidden
}

export const DEAD_LETTERS = 'repo/synchronisation/deadLetterQueue'

/**
 * `repo/synchronisation/deadLetterQueue/MAPPING[/ID]`: queued changes that were given up. They are kept until somebody
 * drops them. Only this gateway has actions: `retry` lets them wait again, `drop` removes them.
 */
export class DeadLetterResource implements ResourceHandler {
  readonly #events: EventStore
  readonly #hidden: Hidden

  constructor({ events, hidden }: DeadLetterResourceOptions) {
    this.#events = events
    this.#hidden = hidden
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    return deadLetterResource(await this.#find(resourcePath), this.#hidden)
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const [mapping, ...rest] = pathElements(request.resourcePath)
    if (rest.length > 0) throw missing(request.resourcePath)
    const selection = mapping === undefined ? {} : { mapping }
    const page = (after: string | null, limit: number) => this.#events.deadLetters(selection, after, limit)
    return queryEvents(request, page, (letter) => deadLetterResource(letter, this.#hidden))
  }

  async delete({ resourcePath }: DeleteRequest): Promise<Resource> {
    const letter = await this.#find(resourcePath)
    await this.#events.dropDead({ ids: [letter.id] })
    return deadLetterResource(letter, this.#hidden)
  }

  async action(request: ActionRequest): Promise<Json> {
    const { action } = request
    if (action !== 'retry' && action !== 'drop')
      throw badRequest(`Dead letters have the actions retry and drop, not ${action}`)
    const selection = await this.#selection(request)
    const count = await this.#events[action === 'retry' ? 'revive' : 'dropDead'](selection)
    return action === 'retry' ? { retried: count } : { dropped: count }
  }

  async #selection({ resourcePath, additionalParameters }: ActionRequest): Promise<EventSelection> {
    const [mapping, id] = pathElements(resourcePath)
    if (id !== undefined) return { ids: [(await this.#find(resourcePath)).id] }
    return mapping === undefined ? selectionOf(additionalParameters) : { mapping }
  }

  async #find(path: string): Promise<DeadLetter> {
    const [mapping, id = '', ...rest] = pathElements(path)
    const letter = rest.length === 0 ? await this.#events.findDead(id) : undefined
    if (!letter || letter.mapping !== mapping) throw missing(path)
    return letter
  }
}

const missing = (path: string) => notFound(`Resource '${DEAD_LETTERS}/${path}' not found`)
