import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { type ContractOptions, type ContractSuite, when } from './contract-subject.ts'

export function describeFilters(suite: ContractSuite, options: ContractOptions): void {
  const people: [name: string, content: JsonObject][] = [
    ['amira', { sn: 'Ortiz', age: 30, active: true, tags: ['red', 'blue'], address: { city: 'Rome' } }],
    ['bo', { sn: 'Roe "x" \\', age: 41, active: false, tags: [] }],
    ['cleo', { sn: "O'Neil", age: 7.5, note: null }],
  ]
  const filters: [filter: string, names: string[], supported?: boolean][] = [
    ['true', ['amira', 'bo', 'cleo']],
    ['false', []],
    ['sn eq "Ortiz"', ['amira']],
    ["sn eq 'O\\'Neil'", ['cleo']],
    ['sn eq "Roe \\"x\\" \\\\"', ['bo']],
    ['sn sw "O"', ['amira', 'cleo']],
    ['sn co "rti"', ['amira']],
    ['age gt 7.5', ['amira', 'bo']],
    ['age ge 7.5', ['amira', 'bo', 'cleo']],
    ['age lt 41', ['amira', 'cleo']],
    ['age le 41 and age ge 30', ['amira', 'bo']],
    ['age eq "30"', []],
    ['active eq true', ['amira']],
    ['active pr', ['amira', 'bo']],
    ['note pr', []],
    ['!(active pr)', ['cleo']],
    ['!(sn eq "Ortiz") and (age lt 10 or active eq false)', ['bo', 'cleo']],
    ['age eq 7.5 OR age eq 30 AND active eq false', ['cleo']],
    ['address/city eq "Rome"', ['amira']],
    ['missing eq "x"', []],
    ['tags eq "blue"', ['amira'], options.listElements],
    ['sn in \'["Ortiz","O\\\'Neil"]\'', ['amira', 'cleo'], options.inOperator],
  ]

  describe('query', () => {
    beforeEach(async () => {
      for (const [name, content] of people) await suite.create(name, content)
    })

    for (const [filter, names, supported] of filters)
      when(supported)(filter, async () => assert.deepEqual((await suite.find(filter)).sort(), names))

    it('by id', async () => assert.deepEqual(await suite.find(`_id eq "${suite.id('bo')}"`), ['bo']))

    it('answers with _id, _rev and the fields asked for', async () => {
      const query = { _queryFilter: `run eq "${suite.run}"`, _sortKeys: 'age' }
      const { result, resultCount } = await suite.openidm.query(suite.collection, query, ['age'])
      assert.deepEqual(
        result.map(({ age }) => age),
        [7.5, 30, 41],
      )
      assert.equal(resultCount, 3)
      for (const object of result) assert.deepEqual(Object.keys(object).sort(), ['_id', '_rev', 'age'])
    })

    for (const filter of ['sn eq', 'sn like "x"x', '(sn pr'])
      it(`refuses ${filter}`, () =>
        assert.rejects(suite.openidm.query(suite.collection, { _queryFilter: filter }), { code: 400 }))
  })
}

export function describePages(suite: ContractSuite, options: ContractOptions): void {
  describe('pages', () => {
    const names = ['c', 'a', 'e', 'b', 'd']
    beforeEach(async () => {
      for (const [index, name] of names.entries()) await suite.create(name, { rank: index % 2, place: index })
    })

    const orders: [keys: string, order: string][] = [
      ['_id', 'abcde'],
      ['-_id', 'edcba'],
      ['place', 'caebd'],
      ['-rank,_id', 'abcde'],
      ['rank,-place', 'decba'],
    ]
    for (const [keys, order] of orders)
      it(`sorted by ${keys}, whole and in pages of two`, async () => {
        assert.equal((await suite.find('true', { _sortKeys: keys })).join(''), order)
        assert.deepEqual(await inPages(suite, { _sortKeys: keys, _pageSize: 2 }), order)
      })

    it('end when the last page is full, or behind it with an empty one', async () =>
      assert.equal(await inPages(suite, { _sortKeys: '_id', _pageSize: 5 }), 'abcde'))

    it('by offset', async () => {
      const find = (offset: number) =>
        suite.find('true', { _sortKeys: '_id', _pageSize: 2, _pagedResultsOffset: offset })
      assert.deepEqual([await find(0), await find(3), await find(9)], [['a', 'b'], ['d', 'e'], []])
    })

    it('no cookie without paging', async () => {
      const query = { _queryFilter: `run eq "${suite.run}"` }
      assert.equal((await suite.openidm.query(suite.collection, query)).pagedResultsCookie, null)
    })

    when(options.totals)('with the total', async () => {
      const query = { _queryFilter: `run eq "${suite.run}"`, _pageSize: 2, _totalPagedResultsPolicy: 'EXACT' }
      const { totalPagedResults, totalPagedResultsPolicy } = await suite.openidm.query(suite.collection, query)
      assert.deepEqual([totalPagedResults, totalPagedResultsPolicy], [5, 'EXACT'])
    })

    it('refuse a cookie that is none', () =>
      assert.rejects(suite.find('true', { _pageSize: 2, _pagedResultsCookie: '***' }), { code: 400 }))
  })
}

async function inPages(suite: ContractSuite, params: Record<string, Json>): Promise<string> {
  const query = { _queryFilter: `run eq "${suite.run}"`, ...params }
  const objects = await Array.fromAsync(suite.openidm.queryAll(suite.collection, query))
  return objects.map((object) => suite.nameOf(object)).join('')
}
