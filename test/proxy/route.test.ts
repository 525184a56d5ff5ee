import assert from 'node:assert/strict'
import { lacksMount, type Route, routeOf } from '../../lib/proxy/route.ts'
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
  })

  const RAW = '/external/idm/eu/a%2525b%20c/%C3%BC?x=%20'
  const DECODED: [title: string, members: object, expected: Route | undefined][] = [
    ['all of it', { url: decodeURI(RAW) }, route('eu', 'a%2525b%20c/%C3%BC', '?x=%20')],
    ['all of it, twice', { url: decodeURI(decodeURI(RAW)) }, route('eu', 'a%2525b%20c/%C3%BC', '?x=%20')],
    ['nothing', { url: RAW }, route('eu', 'a%2525b%20c/%C3%BC', '?x=%20')],
  ]
  for (const [title, members, expected] of DECODED)
    it(`takes the raw target where the host has decoded ${title}`, () => {
      const request = incoming({ ...members, baseUrl: '/openidm', originalUrl: `/openidm${RAW}` })
      assert.deepEqual(routeOf(request, false), expected)
      const whole = incoming({ url: `/openidm${(members as { url: string }).url}`, originalUrl: `/openidm${RAW}` })
      assert.deepEqual(routeOf(whole, false), expected)
    })

  it('refuses a target that the host has changed, and leaves what is not ours alone', () => {
    const changed = (url: string) => incoming({ url, baseUrl: '/openidm', originalUrl: '/openidm/external/idm/eu/x;y' })
    assert.throws(() => routeOf(changed('/external/idm/eu/x?y'), false), { code: 400 })
    assert.equal(routeOf(changed('/external/other'), false), undefined)
  })

  it('follows a host that has rewritten what stands before the mount', () => {
    const request = incoming({ url: '/external/idm/eu/x', baseUrl: '/openidm', originalUrl: '/v2/external/idm/eu/x' })
    assert.deepEqual(routeOf(request, false), route('eu', 'x'))
  })

  it('accepts an absolute target, when it names the host of the Host header', () => {
    const absolute = (host: string, members: object = {}) =>
      incoming({ url: 'http://Gateway:8080/openidm/external/idm/eu/x?y', headers: { host }, ...members })
    assert.deepEqual(routeOf(absolute('gateway:8080'), false), route('eu', 'x', '?y'))
    const inExpress = {
      url: 'http://Gateway:8080/external/idm/eu/x?y',
      baseUrl: '/openidm',
      originalUrl: 'http://Gateway:8080/openidm/external/idm/eu/x?y',
    }
    assert.deepEqual(routeOf(absolute('gateway:8080', inExpress), false), route('eu', 'x', '?y'))
    for (const host of ['gateway', 'gateway:80', 'evil.example', ''])
      assert.throws(() => routeOf(absolute(host), false), { code: 400 }, host)
  })
})

describe('lacksMount', () => {
  const TABLE: [members: object, expected: boolean][] = [
    [{ url: '/external/idm/eu/x' }, true],
    [{ url: '/external/idm' }, true],
    [{ url: '/external/idmx' }, false],
    [{ url: '/openidm/external/idm/eu/x' }, false],
    [{ url: '/external/idm/eu/x', baseUrl: '/openidm' }, false],
    [{ url: '/external/idm/eu/x', originalUrl: '/openidm/external/idm/eu/x' }, false],
  ]
  for (const [members, expected] of TABLE)
    it(`${JSON.stringify(members)}: ${expected}`, () => assert.equal(lacksMount(incoming({ ...members })), expected))
})
