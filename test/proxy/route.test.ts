import assert from 'node:assert/strict'
import { type Route, routeOf } from '../../lib/proxy/route.ts'
import { incoming } from './incoming.ts'

const route = (name?: string, path?: string, query = '', mount = '/openidm'): Route => ({ mount, name, path, query })

/** The address behind the mount, and what it means. */
const TABLE: [address: string, route: Route | undefined][] = [
  ['/external/idm', route()],
  ['/external/idm/', route()],
  ['/external/idm?_queryFilter=true', route(undefined, undefined, '?_queryFilter=true')],
  ['/external/idm/?_queryFilter=true', route(undefined, undefined, '?_queryFilter=true')],
  ['/external/idm/eu', route('eu')],
  ['/external/idm/eu/', route('eu')],
  ['/external/idm/eu?_action=test', route('eu', undefined, '?_action=test')],
  ['/external/idm/eu/?_action=test', route('eu', undefined, '?_action=test')],
  ['/external/idm/eu/managed/user', route('eu', 'managed/user')],
  ['/external/idm/eu/managed/user/', route('eu', 'managed/user/')],
  ['/external/idm/eu/managed/user/a%2Fb%20c', route('eu', 'managed/user/a%2Fb%20c')],
  ['/external/idm/eu/x?a=b/c?d&e=%2F', route('eu', 'x', '?a=b/c?d&e=%2F')],
  ['/external/idm/eu/x?', route('eu', 'x', '?')],
  ['/external/idm?x=/eu/y', route(undefined, undefined, '?x=/eu/y')],
  ['/external/idm/eu?x=/y', route('eu', undefined, '?x=/y')],
  ['/external/idm/eu//x', route('eu', '/x')],
  ['/external/idm/e%75/x', route('e%75', 'x')],
  ['/external/idm/../x', route('..', 'x')],
  ['/external/idm/external/idm/x', route('external', 'idm/x')],
  ['/external/idmx', undefined],
  ['/external/idm;x/eu', undefined],
  ['/external/idm%2Feu/x', undefined],
  ['/external/id%6D/eu/x', undefined],
  ['/External/idm/eu/x', undefined],
  ['//external/idm/eu/x', undefined],
  ['/external//idm/eu/x', undefined],
  ['/x/external/idm/eu/x', undefined],
  ['external/idm/eu/x', undefined],
  ['/?/external/idm/eu/x', undefined],
  ['/', undefined],
  ['', undefined],
  ['*', undefined],
]

const show = (expected: Route | undefined): string =>
  expected ? `${expected.name ?? 'the list'} | ${expected.path ?? ''} | ${expected.query}` : 'not ours'

describe('routeOf', () => {
  for (const [address, expected] of TABLE) {
    it(`${address || '(nothing)'} is ${show(expected)}`, () => {
      assert.deepEqual(routeOf(incoming({ url: address, baseUrl: '/openidm' }), false), expected, 'in Express')
      assert.deepEqual(
        routeOf(incoming({ url: address, originalUrl: `/openidm${address}` }), false),
        expected,
        'in connect',
      )
      assert.deepEqual(routeOf(incoming({ url: address }), true), expected, 'behind a mount that leaves no trace')
      if (address.startsWith('/'))
        assert.deepEqual(routeOf(incoming({ url: `/openidm${address}` }), false), expected, 'in a plain server')
    })
  }

  it('takes the mount from the host, whatever it is', () => {
    const url = '/external/idm/eu/x'
    assert.deepEqual(routeOf(incoming({ url, baseUrl: '/iam/openidm' }), false), route('eu', 'x', '', '/iam/openidm'))
    assert.deepEqual(routeOf(incoming({ url, originalUrl: `/iam${url}` }), false), route('eu', 'x', '', '/iam'))
  })

  it('has no second address without the mount', () => {
    assert.equal(routeOf(incoming({ url: '/external/idm/eu/x' }), false), undefined)
    assert.equal(routeOf(incoming({ url: '/external/idm/eu/x', baseUrl: '' }), false), undefined)
    assert.equal(routeOf(incoming({ url: '/openidm/openidm/external/idm/eu/x' }), false), undefined)
    assert.equal(routeOf(incoming({ url: '/openidmx/external/idm/eu/x' }), false), undefined)
    assert.equal(routeOf(incoming({ url: 'http://gateway/openidm/external/idm/eu/x' }), false), undefined)
  })
})
