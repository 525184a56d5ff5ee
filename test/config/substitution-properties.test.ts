import assert from 'node:assert/strict'
import { parseProperties } from '../../lib/config/values/substitution/value-sources-properties.ts'

/** What Java 17's `Properties.load` makes of these texts. */
const ROWS: readonly (readonly [string, string, Record<string, string>])[] = [
  ['the three separators', 'a=1\nb:2\nc 3\nd\t4', { a: '1', b: '2', c: '3', d: '4' }],
  ['spaces around', '  a  =  1  \n', { a: '1  ' }],
  ['the first separator only', 'a==1\nb=:2\nc := 3', { a: '=1', b: ':2', c: '= 3' }],
  ['no value', 'a\nb=\nc:', { a: '', b: '', c: '' }],
  ['comments and blank lines', '# a=1\n  ! b=2\n\n \t\nc=3#x', { c: '3#x' }],
  ['escaped separators in keys', 'a\\=b=1\nc\\ d=2\ne\\:f:3', { 'a=b': '1', 'c d': '2', 'e:f': '3' }],
  ['escapes in values', 'a=\\t\\n\\r\\f\\\\\\=\\x', { a: '\t\n\r\f\\=x' }],
  ['unicode escapes', 'a=h\\u00e9\\u20AC', { a: 'hé€' }],
  ['quotes, which JSON text needs escaped or not', 'a=["x","y"]\nb=[\\"x\\"]', { a: '["x","y"]', b: '["x"]' }],
  ['continuation lines', 'a=1,\\\n   2,\\\n\t3\nb=4', { a: '1,2,3', b: '4' }],
  ['an escaped backslash that continues nothing', 'a=1\\\\\nb=2', { a: '1\\', b: '2' }],
  ['a comment that continues nothing', '# x\\\na=1', { a: '1' }],
  ['a continuation that looks like a comment', 'a=1\\\n#2', { a: '1#2' }],
  ['a backslash alone, and a comment behind it', '\\\n# x\na=1', { a: '1' }],
  ['a continuation at the end', 'a=1\\', { a: '1' }],
  ['line ends of all systems', 'a=1\r\nb=2\rc=3\nd=4\\\r\n5', { a: '1', b: '2', c: '3', d: '45' }],
  ['the last of several', 'a=1\na=2', { a: '2' }],
  ['a byte order mark', '\ufeffa=1', { a: '1' }],
  [
    'names of the prototype',
    '__proto__=1\ntoString=2',
    JSON.parse('{"__proto__":"1","toString":"2"}') as Record<string, string>,
  ],
  ['an expression', 'port=&{port.prefix}389', { port: '&{port.prefix}389' }],
]

describe('.properties files', () => {
  for (const [what, text, expected] of ROWS)
    it(what, () => {
      assert.deepEqual([...parseProperties(text)], Object.entries(expected))
    })

  it('names the line of a broken escape, without quoting it', () => {
    assert.throws(() => parseProperties('a=1\n\nb=canary\\u12G4'), {
      message: 'line 3: a unicode escape needs four hexadecimal digits',
    })
  })
})
