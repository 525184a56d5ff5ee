import assert from 'node:assert/strict'
import { crestHttp } from '../../../lib/crest/http/http.ts'
import { listen, plainHost } from '../../crest/http-hosts.ts'
import { type CallOptions, request } from '../../helpers/http.ts'
import { memoryLog } from '../../helpers/log.ts'
import { openManaged, user } from './managed-objects.ts'

describe('managed objects over HTTP', () => {
  let call: (path: string, options?: CallOptions) => Promise<{ status: number; body: Record<string, unknown> }>
  beforeEach(async () => {
    const { router } = await openManaged()
    const { port } = await listen(plainHost(crestHttp({ router, contextOf: () => ({}), log: memoryLog() })))
    call = async (path, options) => {
      const answer = await request(`http://127.0.0.1:${port}/openidm/managed/user${path}`, options)
      return { status: answer.status, body: answer.json as Record<string, unknown> }
    }
  })

  it('PUT creates, then updates; what the body says of id and revision does not count', async () => {
    const stale = { _id: 'other', _rev: 'stale' }
    const json = user('bo', { password: 'Passw0rd!', ...stale })
    const created = await call('/bo', { method: 'PUT', json })
    assert.deepEqual([created.status, created.body._id], [201, 'bo'])
    const updated = await call('/bo', { method: 'PUT', json: user('bo', { sn: 'New', ...stale }) })
    assert.deepEqual([updated.status, updated.body.sn], [200, 'New'])
    const headers = { 'if-match': String(created.body._rev) }
    assert.equal((await call('/bo', { method: 'PUT', json: user('bo'), headers })).status, 412)
    assert.equal((await call('/other')).status, 404)
  })

  it('PUT that fails by a policy says so, be there an object or not', async () => {
    for (const status of [403, 403]) {
      const answer = await call('/bo', { method: 'PUT', json: { userName: 'bo' } })
      assert.deepEqual([answer.status, answer.body.message], [status, 'Policy validation failed'])
      await call('/bo', { method: 'PUT', json: user('bo') })
    }
  })

  it('POST makes an id of its own, or takes the one in the body', async () => {
    const made = await call('/?_action=create', { method: 'POST', json: user('bo') })
    assert.deepEqual([made.status, String(made.body._id).length], [201, 36])
    assert.equal((await call('', { method: 'POST', json: user('cy', { _id: 'cy' }) })).body._id, 'cy')
  })

  it('an id with a backslash is one like any other; one that no path can name is refused', async () => {
    const path = '/CN%3DJensen%5C%2C%20Barb'
    assert.equal((await call(path, { method: 'PUT', json: user('barb') })).body._id, 'CN=Jensen\\, Barb')
    assert.equal((await call(path, { method: 'PUT', json: user('barb', { sn: 'New' }) })).body.sn, 'New')
    assert.equal((await call(path, { method: 'DELETE' })).status, 200)
    for (const _id of ['..', 'a/../b', 'a\\..\\b', 'a\n']) {
      const refused = await call('', { method: 'POST', json: user('cy', { _id }) })
      assert.deepEqual(
        [refused.status, String(refused.body.message).includes('cannot be used in the path')],
        [400, true],
      )
    }
  })

  it('the habits of clients: an empty _fields, single quotes, a slash at the end, patch by query', async () => {
    await call('/bo', { method: 'PUT', json: user('bo') })
    const found = await call(`/?_queryFilter=userName+eq+'bo'&_fields=&_pageSize=10&_totalPagedResultsPolicy=EXACT`)
    assert.equal(found.body.totalPagedResults, 1)
    assert.deepEqual((found.body.result as object[]).length, 1)
    const json = [{ operation: 'replace', field: '/sn', value: 'New' }]
    const patched = await call('?_action=patch&_queryId=for-userName&uid=bo', { method: 'POST', json })
    assert.deepEqual([patched.status, patched.body.sn], [200, 'New'])
    assert.equal((await call('/bo?_fields=sn,roles')).body.sn, 'New')
  })
})
