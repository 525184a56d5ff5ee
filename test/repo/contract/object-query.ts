import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json } from '../../../lib/contract.ts'
import { COMPARISONS } from '../../../lib/crest/filter/query-filter.ts'
import { parsePointer, printPointer } from '../../../lib/crest/pointer.ts'
import { queryInMemory } from '../../../lib/crest/protocol/page.ts'
import type { QueryRequest, QueryResult, Resource } from '../../../lib/crest/protocol/request.ts'
import type { ObjectStore } from '../../../lib/repo/objects/object-store.ts'
import type { Repository } from '../../../lib/repo/repository.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { collections, fields, filters, ODD_TEXTS, sortKeys, TEXTS } from '../arbitraries.ts'
import type { OpenRepository } from '../repositories.ts'

const request = (parts: Partial<QueryRequest>): QueryRequest => ({
  method: 'query',
  resourcePath: '',
  fields: [],
  additionalParameters: {},
  queryFilter: { operator: 'literal', value: true },
  sortKeys: [],
  pageSize: 0,
  pagedResultsCookie: null,
  pagedResultsOffset: 0,
  totalPagedResultsPolicy: 'NONE',
  ...parts,
})

/** Fields that can be written as text and read back; half a surrogate pair cannot. */
const indexable = fc
  .array(fields, { maxLength: 4 })
  .map((fields) => fields.filter((field) => field.length > 0).map(printPointer))
  .map((texts) => texts.filter((text) => printPointer(parsePointer(text)) === text))

/** The same values by an index and without. */
const odd = [...TEXTS, ...ODD_TEXTS].flatMap((text, index, texts) => {
  const list: Json[] = [text, texts[index - 1] ?? 1, null]
  return [text, list].map((value, kind) => ({ id: `${index}/${kind}`, content: { a: value, b: value } }))
})

/** @param windows how many objects are looked at in one go */
export function describeObjectQuery(open: OpenRepository, windows: readonly number[] = [3, 1000]): void {
  describe('a filter in the database', () => {
    it('finds what one in memory finds, for every odd text and every operator, by index and without', async () => {
      const store = await (await open()).store('odd', { indexes: ['a'] })
      const resources: Resource[] = []
      for (const { id, content } of odd) resources.push(await store.insert(id, content))
      for (const [operator, value, field] of cartesian(COMPARISONS, TEXTS.concat(ODD_TEXTS), ['a', 'b'])) {
        const query = request({ queryFilter: { operator, value, field: [field] } })
        const [found, expected] = [await store.query(query), queryInMemory(resources, query)]
        assert.deepEqual(idsOf(found), idsOf(expected), `${field} ${operator} ${JSON.stringify(value)}`)
      }
    })
  })

  for (const window of windows)
    describe(`a query in the database answers as one in memory, ${window} objects at a time`, () => {
      ownedBySuite()
      let repository: Repository
      let types = 0
      before(async () => {
        repository = await open({ window })
      })

      async function stored(objects: readonly Omit<Resource, 'revision'>[], indexes: string[]) {
        types += 1
        const store = await repository.store(`type/${types}`, { indexes })
        const resources: Resource[] = []
        for (const { id, content } of objects) resources.push(await store.insert(id, content))
        return { store, resources }
      }

      it('in pages, sorted by odd texts and by lists of them', async () => {
        const { store, resources } = await stored(odd, ['a'])
        for (const [field, ascending, pageSize] of cartesian(['a', 'b'], [true, false], [7])) {
          const query = request({ sortKeys: [{ field: [field], ascending }], pageSize })
          assert.deepEqual(await byCookie(store, query), byCookieInMemory(resources, query))
        }
      })

      it('for any filter, with any indexes', () =>
        fc.assert(
          fc.asyncProperty(
            collections,
            fc.array(filters, { minLength: 20, maxLength: 20 }),
            indexable,
            async (objects, filters, indexes) => {
              const { store, resources } = await stored(objects, indexes)
              for (const queryFilter of filters) {
                const query = request({ queryFilter, pageSize: 100, totalPagedResultsPolicy: 'EXACT' })
                assert.deepEqual(await store.query(query), queryInMemory(resources, query), JSON.stringify(queryFilter))
              }
            },
          ),
          { numRuns: 40 },
        ))

      it('for any sort keys, in pages of any size, by cookie and by offset', () =>
        fc.assert(
          fc.asyncProperty(
            collections,
            sortKeys,
            filters,
            indexable,
            fc.nat(5),
            async (objects, sortKeys, queryFilter, indexes, size) => {
              const { store, resources } = await stored(objects, [
                ...indexes,
                ...sortKeys.slice(0, 1).map(({ field }) => printPointer(field)),
              ])
              const query = request({ queryFilter, sortKeys, pageSize: size })
              assert.deepEqual(await byCookie(store, query), byCookieInMemory(resources, query))
              for (const pagedResultsOffset of [1, 3, 20]) {
                const page = { ...query, pagedResultsOffset }
                assert.deepEqual(await store.query(page), queryInMemory(resources, page))
              }
            },
          ),
          { numRuns: 60 },
        ))
    })
}

const idsOf = ({ result }: QueryResult): string[] => result.map(({ id }) => id).sort()

const cartesian = <A, B, C>(as: readonly A[], bs: readonly B[], cs: readonly C[]): [A, B, C][] =>
  as.flatMap((a) => bs.flatMap((b) => cs.map((c): [A, B, C] => [a, b, c])))

async function byCookie(store: ObjectStore, query: QueryRequest): Promise<QueryResult[]> {
  const pages = [await store.query(query)]
  for (
    let cookie = pages[0]?.pagedResultsCookie ?? null;
    cookie !== null;
    cookie = pages.at(-1)?.pagedResultsCookie ?? null
  )
    pages.push(await store.query({ ...query, pagedResultsCookie: cookie }))
  return pages
}

function byCookieInMemory(resources: readonly Resource[], query: QueryRequest): QueryResult[] {
  const pages = [queryInMemory(resources, query)]
  for (
    let cookie = pages[0]?.pagedResultsCookie ?? null;
    cookie !== null;
    cookie = pages.at(-1)?.pagedResultsCookie ?? null
  )
    pages.push(queryInMemory(resources, { ...query, pagedResultsCookie: cookie }))
  return pages
}
