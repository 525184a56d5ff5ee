import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  checkAddressable,
  type RequestPath,
  readingsOf,
  readResourcePath,
  requestPathOf,
} from '../../lib/crest/http/request-path.ts'

const READ: readonly (readonly [target: string, strict: string, loose?: string])[] = [
  ['', ''],
  ['/', ''],
  ['/?_queryFilter=true', ''],
  ['/managed/user', 'managed/user'],
  ['/managed/user/', 'managed/user'],
  ['/managed/user/?_queryFilter=sn+eq+"../x//y;\\"', 'managed/user'],
  ['/%63onfig', 'config'],
  ['/%2563onfig', '%63onfig', 'config'],
  ['/managed/user/a%2Fb', 'managed/user/a%2Fb', 'managed/user/a/b'],
  ['/managed%2Fuser', 'managed%2Fuser', 'managed/user'],
  ['/%2Fconfig%2F%2F', '%2Fconfig%2F%2F', 'config'],
  ['/managed/user/J%C3%BCrgen', 'managed/user/Jürgen'],
  ['/managed/user/100%25', 'managed/user/100%'],
  ['/managed/user/CORP%5Cjdoe', 'managed/user/CORP\\jdoe', 'managed/user/CORP/jdoe'],
  ['/managed/user/CORP%255Cjdoe', 'managed/user/CORP%5Cjdoe', 'managed/user/CORP/jdoe'],
  ['/managed%5Cuser', 'managed\\user', 'managed/user'],
  ['/managed/user/a+b%2Bc', 'managed/user/a+b+c'],
  ['/managed/user/a%3Bb', 'managed/user/a;b', 'managed/user/a'],
  ['/config%3Bx', 'config;x', 'config'],
  ['/config%2F%3Bx', 'config%2F;x', 'config'],
  ['/...', '...'],
  ['/a..b/..c/d..', 'a..b/..c/d..'],
]

const REFUSED = [
  'http://a/config',
  '*',
  '//config',
  '//',
  '/managed//user',
  '/managed/user//',
  '/./config',
  '/../config',
  '/config/..',
  '/%2e%2e/config',
  '/.%2E/config',
  '/a%2F..%2Fconfig',
  '/a%2f%2e%2e%2fconfig',
  '/%252e%252e/config',
  '/a%252F%252E%252E%252Fconfig',
  '/%252e%252e%2F%25zz',
  '/..;/config',
  '/..%3B/config',
  '/%2e%3bx/config',
  '/config;x',
  '/a\\..\\config',
  '/a%5C..%5Cconfig',
  '/a%255C..%255Cb',
  '/a%5C..;x',
  '/config%00',
  '/config%2500',
  '/config%0d%0ax',
  '/config#x',
  '/%zz',
  '/%',
  '/%c0%ae%c0%ae',
  '/J\u00fcrgen',
  '/%25252525252e%25252525252e',
]

describe('request path', () => {
  for (const [target, strict, loose = strict] of READ) {
    it(`reads ${target}`, () => assert.deepEqual(requestPathOf(target), { strict, loose } satisfies RequestPath))
  }

  for (const target of REFUSED) {
    it(`P1, P3: refuses ${JSON.stringify(target)}`, () => {
      assert.throws(() => requestPathOf(target), { name: 'ResourceException', code: 400 })
    })
  }

  for (const [path, ...readings] of [
    ['managed/user/100%25', 'managed/user/100%', 'managed/user/100%25'],
    ['managed/user%3Bx/1', 'managed/user;x/1', 'managed/user%3Bx/1', 'managed/user/1'],
    ['managed/user/a b', 'managed/user/a b', 'managed/user/a%20b'],
    ['managed/user/a%2Fb', 'managed/user/a%2Fb', 'managed/user/a/b'],
    ['managed/user/a\\b', 'managed/user/a\\b', 'managed/user/a%5Cb', 'managed/user/a/b'],
    ['managed/%2575ser/x', 'managed/%75ser/x', 'managed/%2575ser/x', 'managed/user/x'],
  ] as const) {
    it(`a call from inside to ${path} is read as ${readings.join(', ')}`, () =>
      assert.deepEqual(readingsOf(readResourcePath(path)), readings))
  }

  it('never throws anything but a 400, and never lets a dot segment through', () => {
    const piece = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      '%252e',
      '%2F',
      '%252f',
      ';',
      '%3b',
      '\\',
      '%5c',
      'a',
      '%',
      '%00',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const target = `/${pieces.join('')}`
        const path = read(target)
        if (path === undefined) return
        for (const reading of [path.strict.replaceAll('%2F', '/'), path.loose, decodeAll(target)]) {
          assert.doesNotMatch(reading, /(^|[/\\])\.{1,2}([;/\\]|$)/)
        }
      }),
    )
  })
})

describe('checkAddressable', () => {
  for (const id of [
    'u1',
    'CORP\\jdoe',
    'CN=Jensen\\, Barb,ou=People',
    'a/b',
    'a;b',
    '100%',
    'a b',
    'Jürgen',
    '#',
    '...',
  ])
    it(`lets ${id} pass`, () => checkAddressable(id))
  for (const id of ['.', '..', 'a/../b', 'a\\..\\b', '..;x', '%2e%2e', 'a\nb', 'a\0', '\ud800', '%25252525252525'])
    it(`refuses ${JSON.stringify(id)}`, () => assert.throws(() => checkAddressable(id), { code: 400 }))
})

function read(target: string): RequestPath | undefined {
  try {
    return requestPathOf(target)
  } catch (error) {
    assert.equal(error instanceof Error && 'code' in error && error.code, 400)
    return undefined
  }
}

/** The most careless reader there is. */
function decodeAll(text: string): string {
  const next = text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return next === text ? text : decodeAll(next)
}
