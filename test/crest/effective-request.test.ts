import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { effectiveRequestOf } from '../../lib/crest/http/effective-request.ts'

type Row = readonly [method: string, query: string, headers: IncomingHttpHeaders, operations: string]

const NEEDED: readonly Row[] = [
  ['GET', '', {}, 'read'],
  ['HEAD', '', {}, 'read'],
  ['OPTIONS', '', {}, 'read'],
  ['GET', '?_fields=mail', {}, 'read'],
  ['GET', '?_queryFilter=true', {}, 'query'],
  ['GET', '?x=1&_queryId=query-all-ids', {}, 'query'],
  ['GET', '?_queryExpression=x', {}, 'query'],
  ['GET', '?_QUERYFILTER=true', {}, 'query'],
  ['GET', '?%5fqueryFilter=true', {}, 'query'],
  ['GET', '?a=_queryFilter', {}, 'read'],
  ['POST', '', {}, 'create'],
  ['POST', '?_action=create', {}, 'create'],
  ['POST', '?_action=CREATE&_id=x', {}, 'create'],
  ['POST', '?_action=patch', {}, 'action:patch'],
  ['POST', '?%5Faction=p%61tch', {}, 'action:patch'],
  ['POST', '?_Action=recon', {}, 'action:recon'],
  ['POST', '?_action=', {}, 'action:'],
  ['PUT', '', {}, 'create update'],
  ['PUT', '', { 'if-none-match': '*' }, 'create'],
  ['PUT', '', { 'if-none-match': '"x"' }, 'create update'],
  ['PUT', '', { 'if-match': '*' }, 'update'],
  ['PUT', '', { 'if-match': '"1"', 'if-none-match': '*' }, 'create update'],
  ['PATCH', '', {}, 'patch'],
  ['DELETE', '', {}, 'delete'],
  ['POST', '', { 'x-http-method-override': 'PATCH' }, 'patch'],
  ['POST', '?_action=x', { 'x-http-method-override': 'put' }, 'create update'],
  ['POST', '?_queryFilter=true', { 'x-http-method-override': 'GET' }, 'query'],
  ['GET', '', { 'x-http-method-override': 'GET' }, 'read'],
]

const REFUSED: readonly (readonly [method: string, query: string, headers: IncomingHttpHeaders, code: number])[] = [
  ['TRACE', '', {}, 405],
  ['PROPFIND', '', {}, 405],
  ['POST', '', { 'x-http-method-override': 'TRACE' }, 405],
  ['GET', '', { 'x-http-method-override': 'DELETE' }, 400],
  ['POST', '?_action=a&_action=b', {}, 400],
  ['POST', '?_action=a&%5fACTION=create', {}, 400],
  ['POST', '?_act%C4%B1on=delete', {}, 400],
  ['GET', '?_queryF%C4%B0lter=true', {}, 400],
  ['POST', '?_action=%zz', {}, 400],
  ['POST', '?_action%zz=x', {}, 400],
  ['PUT', '', { 'if-match': '' }, 400],
  ['PUT', '', { 'if-none-match': ' , ' }, 400],
  ['PUT', '', { 'if-none-match': '"*"' }, 400],
  ['PUT', '', { 'if-none-match': '*', connection: 'if-none-match' }, 400],
  ['PUT', '', { 'if-none-match': '*', connection: 'close, If-None-Match' }, 400],
  ['GET', '', { connection: 'x-openidm-password' }, 400],
  ['GET', '', { connection: 'host' }, 400],
]

describe('effective request', () => {
  for (const [method, query, headers, expected] of NEEDED) {
    it(`${method} ${query} ${JSON.stringify(headers)} needs ${expected}`, () => {
      const { operations } = effectiveRequestOf({ method, url: `/managed/user${query}`, headers })
      const texts = operations.map((needed) =>
        needed.action === undefined ? needed.method : `action:${needed.action}`,
      )
      assert.equal(texts.join(' '), expected)
    })
  }

  for (const [method, query, headers, code] of REFUSED) {
    it(`${method} ${query} ${JSON.stringify(headers)} is refused with ${code}`, () => {
      assert.throws(() => effectiveRequestOf({ method, url: `/managed/user${query}`, headers }), { code })
    })
  }

  for (const name of ['Host', 'authorization', 'Content-Type', 'X-OpenIDM-Username', 'X-HTTP-Method-Override']) {
    it(`refuses ${name} twice`, () => {
      const rawHeaders = ['Accept', 'a', name, 'x', 'Accept', 'b', name.toUpperCase(), 'y']
      const head = { method: 'GET', url: '/info/ping', headers: {}, rawHeaders }
      assert.throws(() => effectiveRequestOf(head), { code: 400, message: /more than once/ })
    })
  }

  it('is computed once, and again when a router has changed the request', () => {
    const request = { method: 'GET', url: '/managed/user/a', headers: {} }
    const first = effectiveRequestOf(request)
    assert.equal(effectiveRequestOf(request), first)
    request.url = '/managed/user/b'
    assert.equal(effectiveRequestOf(request).path.strict, 'managed/user/b')
  })
})
