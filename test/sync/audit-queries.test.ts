import assert from 'node:assert/strict'
import type { QueryRequest } from '../../lib/crest/protocol/request.ts'
import { storedAuditQuery } from '../../lib/sync/rest/audit-resource.ts'

const request = (queryId: string, additionalParameters = {}): QueryRequest => ({
  method: 'query',
  resourcePath: '',
  fields: [],
  additionalParameters,
  sortKeys: [],
  pageSize: 0,
  pagedResultsCookie: null,
  pagedResultsOffset: 0,
  totalPagedResultsPolicy: 'NONE',
  queryId,
})

const eq = (field: string, value: string) => ({ operator: 'eq', field: [field], value })

describe('stored queries over audit/recon', () => {
  const TABLE: [queryId: string, parameters: object, filters: object[]][] = [
    ['query-all', {}, []],
    ['audit-by-recon-id', { reconId: 'r1' }, [eq('reconId', 'r1')]],
    ['audit-by-mapping', { mappingName: 'm' }, [eq('mapping', 'm')]],
    [
      'audit-by-recon-id-situation',
      { reconId: 'r1', situation: 'ABSENT' },
      [eq('reconId', 'r1'), eq('situation', 'ABSENT')],
    ],
    [
      'audit-by-recon-id-type',
      { reconId: 'r1', entryType: 'summary' },
      [eq('reconId', 'r1'), eq('entryType', 'summary')],
    ],
    ['audit-last-recon-for-mapping', { mappingName: 'm' }, [eq('mapping', 'm'), eq('reconId', 'last')]],
  ]
  for (const [queryId, parameters, filters] of TABLE)
    it(queryId, () => {
      const { queryFilter, queryId: left } = storedAuditQuery(request(queryId, parameters), () => 'last')
      assert.deepEqual(queryFilter, { operator: 'and', filters })
      assert.equal(left, undefined)
    })

  it('names a parameter that is missing, and the queries that there are', () => {
    assert.throws(() => storedAuditQuery(request('audit-by-recon-id'), () => ''), { code: 400, message: /'reconId'/ })
    assert.throws(() => storedAuditQuery(request('none'), () => ''), { code: 400, message: /audit-by-mapping/ })
  })
})
