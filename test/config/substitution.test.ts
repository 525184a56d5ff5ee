import assert from 'node:assert/strict'
import fc from 'fast-check'
import { substitute } from '../../lib/config/values/substitution/substitution.ts'
import type { TokenSource } from '../../lib/config/values/substitution/value-sources.ts'
import type { Json, JsonObject } from '../../lib/contract.ts'

const FILE = 'conf/external.idm-eu.json'

const sourceOf = (values: Readonly<Record<string, string>>, literal = false): TokenSource => ({
  lookup: (token, skip = 0) =>
    skip === 0 && Object.hasOwn(values, token) ? { value: values[token] ?? '', source: 'a test', literal } : undefined,
  describe: (token) => `the values of a test (${token ?? 'any'})`,
})

const resolve = (value: Json, values: Readonly<Record<string, string>> = {}, literal = false): Json | undefined =>
  substitute({ value }, sourceOf(values, literal), FILE).value

const failure = (value: Json, values: Readonly<Record<string, string>> = {}): string => {
  try {
    resolve(value, values)
  } catch (error) {
    assert(error instanceof Error)
    return error.message
  }
  return assert.fail('nothing was thrown')
}

describe('substitution: expressions', () => {
  const rows: readonly (readonly [string, string, Readonly<Record<string, string>>, string])[] = [
    ['a token', '&{a}', { a: '1' }, '1'],
    ['a default, when nothing defines the token', '&{a|x}', {}, 'x'],
    ['a value before the default', '&{a|x}', { a: '1' }, '1'],
    ['an empty value before the default', '&{a|x}', { a: '' }, ''],
    ['an empty default', '&{a|}', {}, ''],
    ['a default with a bar', '&{a|x|y}', {}, 'x|y'],
    [
      'a default that is a URL',
      '&{a|https://idm.example.com:8443/openidm/}',
      {},
      'https://idm.example.com:8443/openidm/',
    ],
    ['a default with braces', '&{a|{"b":{"c":1}}}', {}, '{"b":{"c":1}}'],
    ['static text around', 'https://&{host}.example.com/openidm/', { host: 'eu' }, 'https://eu.example.com/openidm/'],
    ['several tokens', '&{a}&{b}-&{a}', { a: '1', b: '2' }, '12-1'],
    ['evaluation of values', '&{port}', { port: '&{port.prefix}389', 'port.prefix': '2' }, '2389'],
    ['a token in a default', '&{a|&{b|&{c}}}', { c: '3' }, '3'],
    ['a token in a token', '&{&{scheme|http}.port|8080}', { scheme: 'https', 'https.port': '8443' }, '8443'],
    ['a token in a token, with default', '&{&{scheme|http}.port|8080}', {}, '8080'],
    [
      'the documented path',
      '&{openidm.keystore.location|&{idm.install.dir}/security/keystore.jceks}',
      { 'idm.install.dir': '/opt' },
      '/opt/security/keystore.jceks',
    ],
    ['an escaped expression', 'a\\&{b|c}', { b: 'no' }, 'a&{b|c}'],
    ['no expression', 'a & b {c} $int }', {}, 'a & b {c} $int }'],
    ['spaces around a token', '&{ a }', { a: '1' }, '1'],
  ]
  for (const [what, text, values, expected] of rows)
    it(what, () => {
      assert.equal(resolve(text, values), expected)
    })

  it('reaches every string of the content, and no name', () => {
    const content = { '&{a}': [{ deep: ['&{a}', 1, true, null] }] }
    assert.deepEqual(substitute(content, sourceOf({ a: 'x' }), FILE), { '&{a}': [{ deep: ['x', 1, true, null] }] })
    assert.deepEqual(content, { '&{a}': [{ deep: ['&{a}', 1, true, null] }] })
  })

  it('leaves a secret as it is, whatever it looks like', () => {
    assert.equal(resolve('&{a}', { a: '&{b}\\&{' }, true), '&{b}\\&{')
  })

  it('leaves text without expressions as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const json = JSON.stringify(value)
        if (/&\{|"\$|__proto__/.test(json)) return
        assert.equal(JSON.stringify(resolve(value as Json)), json)
      }),
    )
  })
})

describe('substitution: transformations', () => {
  const rows: readonly (readonly [string, string, Json])[] = [
    ['$int', '8443', 8443],
    ['$int', '-1', -1],
    ['$number', '8443', 8443],
    ['$number', '1.5', 1.5],
    ['$number', '-2.5e3', -2500],
    ['$bool', 'true', true],
    ['$bool', 'FALSE', false],
    ['$list', 'a, b,c', ['a', 'b', 'c']],
    ['$list', '', []],
    ['$array', '["a","b",{"c":1}]', ['a', 'b', { c: 1 }]],
    ['$object', '{"$crypto":{"type":"x"}}', { $crypto: { type: 'x' } }],
    ['$base64:decode', 'aMOpbGxv', 'héllo'],
    ['$base64:encode', 'héllo', 'aMOpbGxv'],
  ]
  for (const [wrapper, text, expected] of rows)
    it(`${wrapper} of ${JSON.stringify(text)}`, () => {
      assert.deepEqual(resolve({ [wrapper]: '&{p}' }, { p: text }), expected)
      assert.deepEqual(resolve({ [wrapper]: `&{p|${text}}` }), expected)
    })

  it('takes what has the type already', () => {
    assert.deepEqual(
      resolve([{ $int: 1 }, { $number: 1.5 }, { $bool: true }, { $list: ['&{a}'] }, { $object: { b: '&{a}' } }], {
        a: 'x',
      }),
      [1, 1.5, true, ['x'], { b: 'x' }],
    )
  })

  it('keeps the digits of a long number', () => {
    const texts = ['12345678901234567890', '1e999', '0.1000000000000000000001']
    for (const text of texts) assert.equal(JSON.stringify(resolve({ $number: '&{p}' }, { p: text })), text)
    assert.equal(JSON.stringify(resolve({ $object: '&{p}' }, { p: '{"a":1e999}' })), '{"a":1e999}')
    assert.equal(JSON.stringify(resolve({ $number: JSON.rawJSON('1e999') })), '1e999')
  })

  it('nests', () => {
    assert.deepEqual(resolve({ $object: { '$base64:decode': '&{p}' } }, { p: btoa('{"a":1}') }), { a: 1 })
  })

  it('leaves objects with more or other members alone', () => {
    assert.deepEqual(resolve({ $int: '&{p}', other: 1 }, { p: '1' }), { $int: '1', other: 1 })
    assert.deepEqual(resolve({ $purpose: { name: 'x' } }), { $purpose: { name: 'x' } })
    assert.deepEqual(resolve({}), {})
  })

  const wrong: readonly (readonly [string, Json])[] = [
    ['$int', '1.5'],
    ['$int', ''],
    ['$int', '0x10'],
    ['$int', '9007199254740993'],
    ['$int', 1.5],
    ['$number', 'NaN'],
    ['$number', 'Infinity'],
    ['$bool', 'yes'],
    ['$bool', 1],
    ['$array', '{"a":1}'],
    ['$array', 'a,b'],
    ['$object', '[1]'],
    ['$base64:decode', '***'],
    ['$base64:decode', '/w=='],
    ['$base64:encode', 1],
  ]
  for (const [wrapper, value] of wrong)
    it(`${wrapper} refuses ${JSON.stringify(value)}`, () => {
      const message = failure({ inner: [{ [wrapper]: value }] })
      assert(message.startsWith(`${FILE}: value.inner.0: the value of "${wrapper}" must be `), message)
    })
})

describe('substitution: faults', () => {
  it('names token, file, place and where it was looked for', () => {
    assert.equal(
      failure({ password: '&{remote.eu.password}' }),
      `${FILE}: value.password: &{remote.eu.password} has no value; looked in: the values of a test (remote.eu.password). ` +
        'Define it, or give a default such as &{remote.eu.password|value}',
    )
  })

  it('reports a circle with its members', () => {
    assert.match(
      failure('&{a}', { a: '&{b}', b: 'x&{c}', c: '&{a}' }),
      /&\{a\} refers to itself: &\{a\} > &\{b\} > &\{c\} > &\{a\}$/,
    )
    assert.match(failure('&{a}', { a: '&{a}' }), /refers to itself/)
    assert.match(failure('&{a|&{b}}', { b: '&{b}' }), /refers to itself/)
  })

  it('bounds depth and size', () => {
    const chain = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`t${i}`, `&{t${i + 1}}`]))
    assert.match(failure('&{t0}', chain), /nested deeper than 32/)
    const doubling = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`t${i}`, `&{t${i + 1}}&{t${i + 1}}`]))
    assert.match(failure('&{t0}', { ...doubling, t30: 'x'.repeat(1000) }), /(more than 10000 values|beyond 1 MB)$/)
  })

  it('says what is wrong with an expression', () => {
    assert.match(failure('&{a'), /has no "\}" at its end/)
    assert.match(failure('&{}'), /names no token/)
    assert.match(failure('&{|x}'), /names no token/)
  })

  it('refuses content that nests without end, and a whole that becomes no object', () => {
    let deep: Json = 'x'
    for (let level = 0; level < 300; level++) deep = [deep]
    assert.match(failure(deep), /is nested deeper than 200/)
    assert.throws(() => substitute({ $int: '1' }, sourceOf({}), FILE), /must be an object/)
    assert.deepEqual(substitute({ $object: '{"a":1}' }, sourceOf({}), FILE), { a: 1 })
  })

  it('shows no value', () => {
    const canary = 'canary-7f3a'
    for (const wrapper of ['$int', '$number', '$bool', '$array', '$object'])
      assert(!failure({ [wrapper]: '&{s}' }, { s: canary }).includes(canary))
    assert(!failure({ '$base64:decode': '&{s}' }, { s: `${canary}*` }).includes(canary))
    assert(!failure('&{&{s}.port}', { s: canary }).includes(canary))
    assert(!failure('&{&{s}}', { s: canary, [canary]: '&{&{s}}' }).includes(canary))
  })

  it('takes names of the prototype for tokens and members like any other', () => {
    for (const token of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      assert.match(failure(`&{${token}}`), /has no value/)
      assert.equal(resolve(`&{${token}|x}`), 'x')
    }
    const content = JSON.parse('{"__proto__":{"admin":"&{a}"}}') as JsonObject
    const result = substitute(content, sourceOf({ a: 'yes' }), FILE)
    assert.equal(Object.getPrototypeOf(result), Object.prototype)
    assert.equal('admin' in result, false)
    assert.equal(JSON.stringify(result), '{"__proto__":{"admin":"yes"}}')
  })
})
