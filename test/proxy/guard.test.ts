import assert from 'node:assert/strict'
import { array, constantFrom, assert as holds, property, string } from 'fast-check'
import { guardEmptySegments, guardLoop, guardPath, guardRequest } from '../../lib/proxy/guard.ts'
import { incoming } from './incoming.ts'

const PATHS: [path: string, refusal?: string][] = [
  ['managed/user'],
  ['managed/user/a%2Fb'],
  ['managed/user/a%252Fb'],
  ['managed/user/...'],
  ['managed/user/..a'],
  ['managed/user/a..'],
  ['managed/user/.hidden'],
  ['managed/user/a;b'],
  ['managed/user/%C3%A9%20x'],
  ['managed/user/100%25'],
  ['managed/user/a%3Fb'],
  ['managed/user/a%23b'],
  ['..', 'The path holds a dot segment'],
  ['.', 'The path holds a dot segment'],
  ['a/../b', 'The path holds a dot segment'],
  ['a/./b', 'The path holds a dot segment'],
  ['%2e%2e/b', 'The path holds a dot segment'],
  ['%2E./b', 'The path holds a dot segment'],
  ['.%2e', 'The path holds a dot segment'],
  ['%252e%252e/b', 'The path holds a dot segment'],
  ['%25252e%25252e/b', 'The path holds a dot segment'],
  ['a%2f..%2fb', 'The path holds a dot segment'],
  ['a/..%2fb', 'The path holds a dot segment'],
  ['..;/b', 'The path holds a dot segment'],
  ['..;x=y/b', 'The path holds a dot segment'],
  ['..%3bx/b', 'The path holds a dot segment'],
  ['..%3fx/b', 'The path holds a dot segment'],
  ['..%23x/b', 'The path holds a dot segment'],
  ['a\\..\\b', 'The path holds a backslash, which must be written as %5C'],
  ['a\\b', 'The path holds a backslash, which must be written as %5C'],
  ['managed/user/CORP%5Cjdoe'],
  ['managed/user/CN%3DJensen%5C%2C%20Barb'],
  ['a%255Cb'],
  ['a%5C..%5Cb', 'The path holds a dot segment'],
  ['..%5Cb', 'The path holds a dot segment'],
  ['a%5C%2e%2e', 'The path holds a dot segment'],
  ['a%255C..%255cb', 'The path holds a dot segment'],
  ['a%5c..;x', 'The path holds a dot segment'],
  ['a%00b', 'The path holds a null character'],
  ['a%2500b', 'The path holds a null character'],
  ['a%', 'The path holds an invalid percent encoding'],
  ['a%2', 'The path holds an invalid percent encoding'],
  ['a%zz', 'The path holds an invalid percent encoding'],
  ['a%u002e', 'The path holds an invalid percent encoding'],
  ['a#b', 'The path holds a fragment (#)'],
  [`a%${'25'.repeat(20)}2e`, 'The path is encoded too often'],
]

const REQUESTS: [title: string, members: Parameters<typeof incoming>[0], code?: number, message?: string][] = [
  ['chunked', { method: 'POST', headers: { 'transfer-encoding': 'chunked' } }],
  ['chunked in capitals', { method: 'POST', headers: { 'transfer-encoding': ' Chunked ' } }],
  ['a length', { method: 'PUT', headers: { 'content-length': '5' } }],
  [
    'gzip, chunked',
    { method: 'POST', headers: { 'transfer-encoding': 'gzip, chunked' } },
    400,
    'Transfer-Encoding must be chunked',
  ],
  [
    'identity',
    { method: 'POST', headers: { 'transfer-encoding': 'identity' } },
    400,
    'Transfer-Encoding must be chunked',
  ],
  [
    'chunked twice',
    { method: 'POST', headers: { 'transfer-encoding': 'chunked, chunked' } },
    400,
    'Transfer-Encoding must be chunked',
  ],
  [
    'chunked and a length',
    { method: 'POST', headers: { 'transfer-encoding': 'chunked', 'content-length': '5' } },
    400,
    'Transfer-Encoding and Content-Length exclude each other',
  ],
  ['a name that ends in a space', { headers: { 'content-length ': '5' } }, 400, 'A header name ends in a space'],
  ['a WebSocket', { headers: { upgrade: 'websocket' } }, 501, 'WebSockets are not supported'],
  ['a WebSocket among others', { headers: { upgrade: 'h2c, WebSocket/13' } }, 501, 'WebSockets are not supported'],
  ['the offer of Java', { headers: { upgrade: 'h2c' } }],
  ['the offer of Apache HttpClient', { headers: { upgrade: 'TLS/1.2' } }],
  ['a protocol that is none', { headers: { upgrade: 'websocketx' } }],
  [
    'an empty segment before the mount',
    { originalUrl: '/openidm//external/idm/eu/x' },
    400,
    'The path holds an empty segment',
  ],
  ['an empty segment in the query', { originalUrl: '/openidm/external/idm/eu/x?a=//b' }],
]

describe('guardPath', () => {
  for (const [path, message] of PATHS) {
    it(`${message ? 'refuses' : 'lets pass'} ${path.slice(0, 40)}`, () => {
      if (message) assert.throws(() => guardPath(path), { name: 'ResourceException', code: 400, message })
      else guardPath(path)
    })
  }

  it('lets nothing pass that a decoder, however often it decodes, takes out of the base path', () => {
    const piece = constantFrom('.', '..', '/', '%2e', '%2E', '%2f', '%252e', '%5c', ';', 'a', '%', '25', '%3b')
    holds(
      property(array(piece, { maxLength: 8 }), (pieces) => {
        const path = pieces.join('')
        if (passes(path)) assert.ok(everyDecoding(path).every(staysInside), path)
      }),
      { numRuns: 2000 },
    )
  })

  it('throws nothing but a ResourceException, whatever the path', () => {
    holds(property(string({ unit: 'binary' }), (path) => void passes(path)))
  })
})

function passes(path: string): boolean {
  try {
    guardPath(path)
    return true
  } catch (error) {
    assert.equal((error as Error).name, 'ResourceException')
    return false
  }
}

function everyDecoding(path: string): string[] {
  const all = [path]
  for (let last = path; ; ) {
    const next = last.replace(/%[0-9a-f]{2}/gi, (text) => String.fromCharCode(Number.parseInt(text.slice(1), 16)))
    if (next === last) return all
    all.push(next)
    last = next
  }
}

const staysInside = (path: string): boolean =>
  new URL(path.replace(/^[/\\]+/, '').split(/[?#]/, 1)[0] ?? '', 'http://idm/inner/openidm/').pathname.startsWith(
    '/inner/openidm/',
  )

describe('guardRequest', () => {
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    it(`lets ${method} pass`, () => guardRequest(incoming({ method })))

  for (const method of ['CONNECT', 'TRACE', 'TRACK', 'PROPFIND', 'get', '']) {
    it(`refuses the method ${method || '(none)'}`, () => {
      const message = `Method ${method} is not allowed`
      assert.throws(() => guardRequest(incoming({ method })), { name: 'ResourceException', code: 405, message })
    })
  }

  for (const [title, members, code, message] of REQUESTS) {
    it(`${code ?? 'passes'}: ${title}`, () => {
      if (code === undefined) guardRequest(incoming(members))
      else assert.throws(() => guardRequest(incoming(members)), { name: 'ResourceException', code, message })
    })
  }
})

describe('guardEmptySegments', () => {
  for (const path of ['/x', 'a//b', 'a//', '//'])
    it(`refuses ${path}`, () =>
      assert.throws(() => guardEmptySegments(path), { message: 'The path holds an empty segment' }))
  for (const path of ['', 'a', 'a/b', 'a/b/', 'a/%2Fb'])
    it(`lets ${path || '(nothing)'} pass`, () => guardEmptySegments(path))
})

describe('guardLoop', () => {
  it('knows our own pseudonym, wherever it stands', () => {
    for (const via of ['1.1 me', '1.0 other, 1.1 me', '1.1 me (comment), 1.1 other'])
      assert.throws(() => guardLoop(via, 'me'), { code: 508 })
    for (const via of [undefined, '', '1.1 other']) guardLoop(via, 'me')
  })
})
