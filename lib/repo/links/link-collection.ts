import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, conflict } from '../../crest/errors.ts'
import { evaluable, matches } from '../../crest/filter/evaluate.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import { objectId, requireCollection } from '../../crest/protocol/collection-path.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import { representResource } from '../../crest/protocol/represent.ts'
import type {
  ActionRequest,
  DeleteRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  Resource,
  ResourceHandler,
} from '../../crest/protocol/request.ts'
import { requiredParameter } from '../../crest/protocol/request-parameters.ts'
import { importLinks, type LinkForm } from './link-import.ts'
import { type Link, type LinkStore, type NewLink, representLink } from './link-store.ts'

const WINDOW = 1000
/** Entries of one `import`. */
const MAX_ENTRIES = 1000
/** Links that are removed in one transaction. */
const PURGED_AT_ONCE = 10_000

/** What the links belong to. */
export interface LinkOwners {
  /** @throws conflict when there is no such mapping, or its links must not change now */
  formOf(mapping: string): Promise<LinkForm>
  /**
   * The mappings that use each type of link, in force or not.
   * @throws conflict when that cannot be determined
   */
  mappingsByType(): ReadonlyMap<string, readonly string[]>
}

/**
 * `repo/link`: the links, to be read, queried and deleted; reconciliation writes them. Only this gateway has actions:
 * `import` adds links of a mapping, `countByType` counts them, `purge` removes a type that no mapping uses.
 */
export class LinkCollection implements ResourceHandler {
  readonly #links: LinkStore
  readonly #owners: LinkOwners

  constructor(links: LinkStore, owners: LinkOwners) {
    this.#links = links
    this.#owners = owners
  }

  async action({ resourcePath, action, additionalParameters, content }: ActionRequest): Promise<Json> {
    requireCollection(resourcePath)
    const parameter = (name: string) => requiredParameter(additionalParameters, name)
    if (action === 'import')
      return this.#import(parameter('mapping'), entriesOf(content), additionalParameters.dryRun === 'true')
    if (action === 'countByType') return { types: await this.#countByType() }
    if (action === 'purge') return this.#purge(parameter('linkType'))
    throw badRequest(`repo/link has the actions import, countByType and purge, not ${action}`)
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

  async #import(mapping: string, entries: readonly Json[], isDry: boolean): Promise<Json> {
    const form = await this.#owners.formOf(mapping)
    const { refused, ...counts } = await importLinks(this.#links, entries, form, isDry)
    return { linkType: form.type, ...counts, refused: refused.map((refusal) => ({ ...refusal })) }
  }

  async #countByType(): Promise<Json[]> {
    const mappings = this.#owners.mappingsByType()
    const counts = await this.#links.countByType()
    return counts.map(({ type, count }) => ({ linkType: type, count, mappings: [...(mappings.get(type) ?? [])] }))
  }

  /** A mapping that comes into force meanwhile keeps what is left. */
  async #purge(linkType: string): Promise<Json> {
    for (let removed = 0; ; ) {
      const users = this.#owners.mappingsByType().get(linkType)
      if (users) throw conflict(`The links ${linkType} are not removed: the mapping ${users.join(', ')} uses them`)
      const count = await this.#links.removeType(linkType, PURGED_AT_ONCE)
      removed += count
      if (count < PURGED_AT_ONCE) return { linkType, removed }
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

function entriesOf(content: Json): readonly Json[] {
  const links = isObject(content) ? content.links : undefined
  if (Array.isArray(links) && links.length <= MAX_ENTRIES) return links
  throw badRequest(`The body must be {"links": […]} with ${MAX_ENTRIES} links at most`)
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
