import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { queryInMemory } from '../../lib/crest/protocol/page.ts'
import type { QueryRequest, Resource } from '../../lib/crest/protocol/request.ts'
import { RequestParameters } from '../../lib/crest/protocol/request-parameters.ts'
import { compareBy, parseSortKeys } from '../../lib/crest/protocol/sort.ts'

const resource = (id: string, content: JsonObject = {}): Resource => ({ id, revision: '0', content })

const queryRequest = (params: Record<string, Json>): QueryRequest => ({
  method: 'query',
  resourcePath: '',
  fields: [],
  additionalParameters: {},
  ...RequestParameters.ofObject({ _queryFilter: 'true', ...params }).query,
})

function page(objects: Resource[], params: Record<string, Json>) {
  const { result, ...rest } = queryInMemory(objects, queryRequest(params))
  return { ids: result.map(({ id }) => id), ...rest }
}

function pages(objects: Resource[], params: Record<string, Json>): string[][] {
  const all: string[][] = []
  for (let cookie: string | null | undefined; cookie !== null; ) {
    const answer = page(objects, cookie === undefined ? params : { ...params, _pagedResultsCookie: cookie })
    all.push(answer.ids)
    cookie = answer.pagedResultsCookie
  }
  return all
}

const five = ['c', 'a', 'e', 'b', 'd'].map((id, index) => resource(id, { rank: index % 2 }))

describe('sort keys', () => {
  const objects: JsonObject[] = [
    { _id: '1', name: 'bo', age: 30, tags: ['z', 'b'] },
    { _id: '2', name: 'Amira', age: 20, address: { city: 'Rome' } },
    { _id: '3', name: 'amira', tags: ['c'], address: { city: 'Bonn' } },
    { _id: '4', age: null },
  ]
  const cases: [keys: string, ids: string][] = [
    ['name', '2314'],
    ['-name', '1234'],
    ['name,-_id', '3214'],
    ['+age', '2134'],
    ['-age', '1234'],
    ['tags', '1324'],
    ['address/city,age', '3214'],
  ]
  for (const [keys, ids] of cases)
    it(keys, () => {
      const sorted = [...objects].sort(compareBy(parseSortKeys(keys)))
      assert.equal(sorted.map(({ _id }) => _id).join(''), ids)
    })

  it('a space in front, which "+" in a URL means, is no part of the name', () =>
    assert.deepEqual(parseSortKeys(' name'), [{ field: ['name'], ascending: true }]))
  it('refuses a key without a name', () => assert.throws(() => parseSortKeys('-'), { code: 400 }))
})

describe('query in memory', () => {
  it('without paging answers all in their own order', () =>
    assert.deepEqual(page(five, {}), {
      ids: ['c', 'a', 'e', 'b', 'd'],
      pagedResultsCookie: null,
      totalPagedResultsPolicy: 'NONE',
      totalPagedResults: -1,
      remainingPagedResults: -1,
    }))

  it('pages by id when there is no sort key', () =>
    assert.deepEqual(pages(five, { _pageSize: 2 }), [['a', 'b'], ['c', 'd'], ['e']]))

  it('pages through equal sort values', () =>
    assert.deepEqual(pages(five, { _pageSize: 2, _sortKeys: '-rank' }), [['a', 'b'], ['c', 'd'], ['e']]))

  it('gives no cookie when the last page is full', () =>
    assert.equal(page(five, { _pageSize: 5 }).pagedResultsCookie, null))

  it('the cookie is the sort values of the last object', () => {
    const cookie = page(five, { _pageSize: 1, _sortKeys: 'rank' }).pagedResultsCookie ?? ''
    assert.equal(Buffer.from(cookie, 'base64').toString(), '{"/rank":0,"/_id":"c"}')
  })

  it('takes a cookie as IDM writes it', () =>
    assert.deepEqual(page(five, { _pageSize: 2, _pagedResultsCookie: 'eyIvX2lkIjoiYiJ9%3D' }).ids, ['c', 'd']))

  it('what comes and goes between two pages moves nothing', () => {
    const cookie = page(five, { _pageSize: 2 }).pagedResultsCookie
    const changed = [resource('a0'), ...five.filter(({ id }) => id !== 'b')]
    assert.deepEqual(page(changed, { _pageSize: 2, _pagedResultsCookie: cookie }).ids, ['c', 'd'])
  })

  it('skips an offset of records', () => {
    assert.deepEqual(page(five, { _pageSize: 2, _pagedResultsOffset: 3 }).ids, ['d', 'e'])
    assert.deepEqual(page(five, { _pageSize: 2, _pagedResultsOffset: 9 }).ids, [])
    assert.deepEqual(page(five, { _pagedResultsOffset: 4, _sortKeys: '_id' }).ids, ['e'])
  })

  it('goes on by cookie behind an offset', () => {
    const { pagedResultsCookie } = page(five, { _pageSize: 2, _pagedResultsOffset: 1 })
    assert.deepEqual(page(five, { _pageSize: 2, _pagedResultsCookie: pagedResultsCookie }).ids, ['d', 'e'])
  })

  const totals: [params: Record<string, Json>, policy: string, total: number][] = [
    [{ _pageSize: 2, _totalPagedResultsPolicy: 'EXACT' }, 'EXACT', 5],
    [{ _pageSize: 2, _totalPagedResultsPolicy: 'ESTIMATE' }, 'EXACT', 5],
    [{ _pageSize: 2, _totalPagedResultsPolicy: 'exact', _queryFilter: 'rank eq 1' }, 'EXACT', 2],
    [{ _pageSize: 2 }, 'NONE', -1],
    [{ _totalPagedResultsPolicy: 'EXACT' }, 'NONE', -1],
  ]
  for (const [params, policy, total] of totals)
    it(`counts ${JSON.stringify(params)} to ${total}`, () => {
      const { totalPagedResultsPolicy, totalPagedResults } = page(five, params)
      assert.deepEqual([totalPagedResultsPolicy, totalPagedResults], [policy, total])
    })

  const cookies: [what: string, cookie: string][] = [
    ['garbage', '***'],
    ['no object', Buffer.from('[1]').toString('base64')],
    ['of another query', page(five, { _pageSize: 1, _sortKeys: 'rank' }).pagedResultsCookie?.slice(0, 12) ?? ''],
    ['of other keys', Buffer.from('{"/name":1}').toString('base64')],
    ['with keys of a prototype', Buffer.from('{"__proto__":{"/_id":"a"}}').toString('base64')],
  ]
  for (const [what, cookie] of cookies)
    it(`refuses a cookie: ${what}`, () =>
      assert.throws(() => page(five, { _pageSize: 1, _pagedResultsCookie: cookie }), { code: 400, message: /cookie/ }))

  it('refuses a query by id', () =>
    assert.throws(() => page(five, { _queryFilter: null, _queryId: 'query-all' }), { code: 400 }))

  it('pages of any size hold every object once, in the order of one great page', () => {
    const id = fc.string({ minLength: 1 })
    const value = fc.option(
      fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.array(fc.integer())),
    )
    const objects = fc.uniqueArray(fc.tuple(id, value), { selector: ([id]) => id })
    fc.assert(
      fc.property(
        objects,
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom('x', '-x', '-x,-_id', '_id'),
        (entries, size, keys) => {
          const all = entries.map(([id, x]) => resource(id, x === null ? {} : { x }))
          const expected = page(all, { _sortKeys: keys }).ids
          assert.deepEqual(pages(all, { _sortKeys: keys, _pageSize: size }).flat(), expected)
        },
      ),
    )
  })
})
