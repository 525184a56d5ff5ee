import assert from 'node:assert/strict'
import type { Behaviour } from '../helpers/behaviours.ts'
import { reply } from '../helpers/behaviours.ts'
import { call, type OnStage } from './caller.ts'

/** A resource with optimistic locking, as CREST defines it. */
function lockedResource(): Behaviour {
  let revision = 1
  return (exchange) => {
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = exchange.request.headers
    const etag = `"${revision}"`
    if (exchange.request.method === 'GET' && ifNoneMatch === etag)
      return reply({ status: 304, headers: { etag } })(exchange)
    if (exchange.request.method === 'PUT' && ifNoneMatch === '*') return reply({ status: 412 })(exchange)
    if (exchange.request.method === 'PUT' && ifMatch !== etag && ifMatch !== '*')
      return reply({ status: 412 })(exchange)
    if (exchange.request.method === 'PUT') revision += 1
    return reply({ headers: { etag: `"${revision}"` }, body: { _rev: String(revision) } })(exchange)
  }
}

/** What callers of the API need to see. */
const MEANINGFUL = {
  etag: '"7"',
  'last-modified': 'Tue, 01 Sep 2026 10:00:00 GMT',
  'cache-control': 'no-cache',
  'content-api-version': 'protocol=2.1,resource=1.0',
  'content-language': 'de',
  'content-disposition': 'attachment; filename="u1.json"',
  'retry-after': '3',
  warning: '100 CREST "resource=1.0 is deprecated"',
  vary: 'Accept-API-Version',
  allow: 'GET, PUT',
}

export const h5 = (stage: OnStage): void => {
  describe('H5 headers that the API needs pass', () => {
    it('If-Match and ETag, end to end', async () => {
      stage().eu.answer(lockedResource())
      const put = (headers: Record<string, string>) =>
        call(stage(), 'eu/managed/user/u1', { method: 'PUT', headers, json: {} })
      const read = await call(stage(), 'eu/managed/user/u1')
      assert.equal(read.headers.etag, '"1"')
      assert.equal((await put({ 'if-match': '"0"' })).status, 412)
      assert.equal((await put({ 'if-none-match': '*' })).status, 412)
      const written = await put({ 'if-match': read.headers.etag ?? '' })
      assert.equal(written.headers.etag, '"2"')
      assert.equal((await put({ 'if-match': '"1"' })).status, 412)
      const unchanged = await call(stage(), 'eu/managed/user/u1', { headers: { 'if-none-match': '"2"' } })
      assert.equal(unchanged.status, 304)
      assert.equal(unchanged.headers.etag, '"2"')
    })

    it('those of an answer', async () => {
      stage().eu.answer(reply({ status: 503, headers: MEANINGFUL, body: {} }))
      const answer = await call(stage(), 'eu/managed/user/u1')
      assert.equal(answer.status, 503)
      for (const [name, value] of Object.entries(MEANINGFUL)) assert.equal(answer.headers[name], value, name)
    })

    it('those of a request', async () => {
      const headers = {
        accept: 'application/json;q=0.9',
        'accept-api-version': 'protocol=2.1,resource=2.0',
        'accept-language': 'de, en;q=0.5',
        'accept-encoding': 'gzip, br',
        'content-type': 'application/json; charset=utf-8',
        'content-language': 'de',
        'if-match': 'W/"1", "2"',
        'if-modified-since': 'Tue, 01 Sep 2026 10:00:00 GMT',
        range: 'bytes=0-9',
      }
      await call(stage(), 'eu/managed/user/u1', { method: 'PUT', headers, body: '{}' })
      for (const [name, value] of Object.entries(headers)) assert.deepEqual(stage().eu.last.raw(name), [value], name)
    })
  })
}
