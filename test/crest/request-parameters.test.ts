import assert from 'node:assert/strict'
import { parseQueryFilter } from '../../lib/crest/filter/query-filter.ts'
import type { ResourceRequest } from '../../lib/crest/protocol/request.ts'
import { RequestParameters } from '../../lib/crest/protocol/request-parameters.ts'

const of = (text: string) => RequestParameters.ofQueryString(text)

describe('request parameters', () => {
  it('reads + and %20 as a space, and %2B as a plus', () => {
    const { query } = of('_queryFilter=/city+eq+%22New%20York+%2B%22&_sortKeys=%2Bcity')
    assert.deepEqual(query.queryFilter, parseQueryFilter('/city eq "New York +"'))
    assert.deepEqual(query.sortKeys, [{ field: ['city'], ascending: true }])
  })

  it('keeps what stands behind the first =', () => assert.equal(of('a=b=c&d').get('a'), 'b=c'))
  it('a name without = is there and empty', () => assert.equal(of('a&&b').get('a'), ''))
  it('reads reserved names in any case', () => assert.equal(of('_QUERYFILTER=true').isQuery, true))

  it('what is not reserved is additional', () =>
    assert.deepEqual(of('_queryId=for-userName&uid=bo&toString=1').additional('query'), { uid: 'bo', toString: '1' }))

  it('hands the query of an action on: patch by query', () =>
    assert.deepEqual(of('_action=patch&_queryId=for-userName&uid=bo').additional('action'), {
      _queryId: 'for-userName',
      uid: 'bo',
    }))

  it('reads numbers, booleans and lists of in-process calls', () => {
    const parameters = RequestParameters.ofObject({
      _queryFilter: true,
      _pageSize: 5,
      _sortKeys: ['-a', 'b'],
      x: { y: 1 },
      z: null,
    })
    assert.equal(parameters.query.pageSize, 5)
    assert.equal(parameters.query.sortKeys.length, 2)
    assert.deepEqual(parameters.additional('query'), { x: '{"y":1}' })
  })

  const twice: string[] = ['a=1&a=1', '_pageSize=1&_pageSize=1', '_fields=a&_Fields=b', 'a=1&%61=2']
  for (const text of twice)
    it(`refuses ${text}`, () => assert.throws(() => of(text), { code: 400, message: /Multiple values/ }))

  const unreadable: string[] = ['a=%', 'a=%zz', '%FF=1', 'a=%C3']
  for (const text of unreadable)
    it(`refuses ${text}`, () => assert.throws(() => of(text), { code: 400, message: /percent-encoded/ }))

  it('S2: refuses names of a prototype', () =>
    assert.throws(() => of('__proto__=1'), { code: 400, message: /not allowed/ }))

  const unknown: [method: ResourceRequest['method'], text: string][] = [
    ['read', '_foo=1'],
    ['read', '_queryFilter=true'],
    ['read', '_action=x'],
    ['query', '_queryFilter=true&_mimeType=text/plain'],
    ['update', '_id=x'],
    ['delete', '_rev=0'],
    ['patch', '_pageSize=1'],
    ['action', '_action=x&_id=1'],
    ['create', '_queryId=x'],
  ]
  for (const [method, text] of unknown)
    it(`${method} knows no ${text}`, () =>
      assert.throws(() => of(text).check(method), { code: 400, message: /Unrecognized request parameter '_/ }))

  const refused: [text: string, message: RegExp][] = [
    ['', /exactly one of/],
    ['_queryFilter=true&_queryId=x', /exactly one of/],
    ['_queryId=x&_queryExpression=y', /exactly one of/],
    ['_queryFilter=', /Invalid query filter/],
    ['_queryFilter=true&_pageSize=-1', /'-1' for parameter '_pageSize'/],
    ['_queryFilter=true&_pageSize=1.5', /valid integer/],
    ['_queryFilter=true&_pageSize=99999999999', /valid integer/],
    ['_queryFilter=true&_pagedResultsOffset=x', /'x' for parameter '_pagedResultsOffset'/],
    ['_queryFilter=true&_totalPagedResultsPolicy=SOME', /NONE,ESTIMATE,EXACT/],
    ['_queryFilter=true&_sortKeys=a%20b', /Invalid JSON pointer/],
    ['_queryFilter=true&_pagedResultsCookie=x', /needs a _pageSize/],
    ['_queryFilter=true&_pageSize=1&_pagedResultsOffset=1&_pagedResultsCookie=x', /mutually exclusive/],
    ['_queryId=x&_pageSize=1&_pagedResultsCookie=x', /needs a _queryFilter/],
  ]
  for (const [text, message] of refused)
    it(`refuses the query '${text}'`, () => assert.throws(() => of(text).query, { code: 400, message }))
})
