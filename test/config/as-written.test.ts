import assert from 'node:assert/strict'
import { asWritten } from '../../lib/config/files/as-written.ts'
import type { Json } from '../../lib/contract.ts'

describe('messages in the words of the file', () => {
  const cases: [title: string, raw: Json, value: Json, message: string, expected: string][] = [
    ['an expression', '&{pw}', 'canary', 'found "canary"', 'found "&{pw}"'],
    ['a short value, in quotes only', '&{pw}', 'a', 'a value "a" a', 'a value "&{pw}" a'],
    [
      'a part of a text',
      'https://&{host}/x',
      'https://canary/x',
      'canary does not resolve',
      '&{host} does not resolve',
    ],
    ['the scheme of a URL', '&{url}', 'canary-1:x', 'found the scheme "canary-1:"', 'found the scheme "&{url}"'],
    ['the host of a URL', '&{url}', 'https://Canary.x/', 'canary.x does not resolve', '&{url} does not resolve'],
    ['the last part', 'a&{x}b&{y}', 'a1234b5678', '5678 and 1234', '&{y} and &{x}'],
    ['an object', { $int: '&{port}' }, 8443, 'port 8443', 'port {"$int":"&{port}"}'],
    ['a purpose', { $purpose: { name: 'p' } }, 'canary', 'canary', '{"$purpose":{"name":"p"}}'],
    ['an encrypted value', { $crypto: { type: 't', value: {} } }, 'canary', 'canary', '{"$crypto": …}'],
    [
      'all of an object',
      { $object: '&{o}' },
      { a: ['canary'], b: 'second' },
      'second canary',
      '{"$object":"&{o}"} {"$object":"&{o}"}',
    ],
    ['what is escaped', '&{pw}', 'can"ary', 'found "can\\"ary"', 'found "&{pw}"'],
    ['a pattern of replacement', "&{$'$&}", 'canary', 'canary', "&{$'$&}"],
    ['what is no expression', 'plain', 'plain', 'plain', 'plain'],
    ['an empty value', '&{none|}', '', 'x', 'x'],
  ]
  for (const [title, raw, value, message, expected] of cases)
    it(title, () => assert.equal(asWritten(message, { list: [{ raw }] }, { list: [{ raw: value }] }), expected))
})
