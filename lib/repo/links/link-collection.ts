import { badRequest } from '../../crest/errors.ts'
import { evaluable, matches } from '../../crest/filter/evaluate.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import { representResource } from '../../crest/protocol/represent.ts'
import type {
  DeleteRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  Resource,
  ResourceHandler,
} from '../../crest/protocol/request.ts'
import { objectId, requireCollection } from '../objects/collection-path.ts'
import { type Link, type LinkStore, type NewLink, representLink } from './link-store.ts'

const WINDOW = 1000

/** `repo/link`: the links, to be read, queried and deleted; reconciliation writes them. */
export class LinkCollection implements ResourceHandler {
  readonly #links: LinkStore

  constructor(links: LinkStore) {
    this.#links = links
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    return resourceOf(await this.#links.get(objectId(resourcePath)))
  }

  async delete({ resourcePath }: DeleteRequest): Promise<Resource> {
    const link = await this.#links.get(objectId(resourcePath))
    await this.#links.remove(link.id)
    return resourceOf(link)
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    requireCollection(request.resourcePath)
    const { queryFilter: filter, sortKeys, pageSize } = request
    if (!filter) throw badRequest('This resource is queried with _queryFilter only')
    evaluable(filter)
    const counts = request.totalPagedResultsPolicy !== 'NONE'
    if (sortKeys.length > 0 || pageSize === 0 || counts || request.pagedResultsOffset > 0)
      return queryInMemory(await this.#matching(filter, '', Number.POSITIVE_INFINITY), request)
    const found = await this.#matching(filter, request.pagedResultsCookie ?? '', pageSize + 1)
    const page = found.slice(0, pageSize)
    return {
      result: page,
      pagedResultsCookie: found.length > pageSize ? (page.at(-1)?.id ?? null) : null,
      totalPagedResultsPolicy: 'NONE',
      totalPagedResults: -1,
      remainingPagedResults: -1,
    }
  }

  async #matching(filter: QueryFilter, after: string, count: number): Promise<Resource[]> {
    const found: Resource[] = []
    const narrowed = narrowing(filter)
    for (let last = after; found.length < count; ) {
      const links = await this.#links.after(last, WINDOW, narrowed)
      found.push(...links.map(resourceOf).filter((resource) => matches(filter, representResource(resource))))
      const end = links.at(-1)
      if (links.length < WINDOW || !end) break
      last = end.id
    }
    return found.slice(0, count)
  }
}

const resourceOf = (link: Link): Resource => ({ id: link.id, revision: '0', content: representLink(link) })

const COLUMNS: Readonly<Record<string, keyof NewLink>> = { firstId: 'first', secondId: 'second', linkType: 'type' }

/**
 * What all matches have in common. A filter knows no case and the database does: only a text without letters is the
 * same to both.
 */
function narrowing(filter: QueryFilter): Partial<NewLink> {
  if (filter.operator === 'and') return Object.assign({}, ...filter.filters.map(narrowing)) as Partial<NewLink>
  if (filter.operator !== 'eq' || typeof filter.value !== 'string' || filter.field.length !== 1) return {}
  const column = COLUMNS[filter.field[0] ?? '']
  return column && !/\p{L}/u.test(filter.value) ? { [column]: filter.value } : {}
}
