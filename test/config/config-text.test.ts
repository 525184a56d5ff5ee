import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseConfigText } from '../../lib/config/files/config-text.ts'
import { describeJsonFault, duplicateMembers } from '../../lib/config/files/json-fault.ts'
import { parseJson } from '../../lib/core/json.ts'

const parse = (text: string) => parseConfigText(Buffer.from(text))

describe('config: text of a configuration file', () => {
  it('reads JSON, with a byte order mark too', () => {
    assert.deepEqual(parse('{"a":[1,"é"]}'), { a: [1, 'é'] })
    assert.deepEqual(parse('\ufeff{}'), {})
  })

  const faults: [string, RegExp][] = [
    ['', /the file is empty/],
    [' \n', /the file is empty/],
    ['[]', /expected a JSON object/],
    ['{"a":1,\n  "b":2,\n}', /^line 3, column 1: expected a member name .*no comma/],
    ['{"a":1\n  "b":2}', /^line 2, column 3: expected a comma/],
    ['{\n  // note\n}', /^line 2, column 3: JSON has no comments/],
    ["{'a':1}", /^line 1, column 2: expected a value or a member name \(both are in double quotes/],
    ['{"a":s3cret}', /^line 1, column 6: expected a value or a member name \(both are in double quotes/],
    ['{"a" 1}', /^line 1, column 6: expected ":"/],
    ['{"a":[1,]}', /^line 1, column 9: expected a value/],
    ['{"a":"s3cret', /^line 1, column 6: the string that starts here is not closed/],
    ['{"a":"s3\ncret"}', /^line 1, column 9: a line break/],
    ['{"a":"C:\\s3cret"}', /^line 1, column 9: the escape sequence is not valid/],
    ['{"a":1', /^line 1, column 7: the text ends too early/],
    ['{"a":1}}', /^line 1, column 8: expected nothing more/],
    ['{"a":{"b":1]}', /^line 1, column 12: expected a comma or the closing bracket/],
    ['{"a":01}', /^line 1, column 7: expected a comma/],
  ]
  for (const [text, message] of faults) {
    it(`names the place of the fault in ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parse(text),
        (error: Error) => message.test(error.message) && !error.message.includes('s3'),
      )
    })
  }

  it('keeps members called as those of a prototype, and long numbers', () => {
    const text = '{"a":{"__proto__":{"x":1}},"constructor":{"prototype":1},"serial":12345678901234567890}'
    const content = parse(text)
    assert.equal(JSON.stringify(content), text)
    assert.equal(Reflect.get(content.a as object, 'x'), undefined)
  })

  it('refuses what is not UTF-8 or nested without end', () => {
    assert.throws(() => parseConfigText(Buffer.from([0x7b, 0xff, 0x7d])), /not UTF-8/)
    assert.throws(() => parse(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`), /nested too deeply|not allowed/)
  })

  it('says so when text is nested too deeply to find its fault', () => {
    assert.match(describeJsonFault(`${'['.repeat(200_000)}x`) ?? '', /nested too deeply/)
  })

  it('finds duplicate members, whatever the text looks like', () => {
    const text = '{"a":{"x":1,"y":"\\"x\\":","x":2},\n "b":[{"c":1},{"c":1,"c":1}],"a":1}'
    assert.deepEqual(duplicateMembers(text, JSON.parse(text)), [
      'line 1, column 26: a.x is a duplicate; the last one counts',
      'line 2, column 22: b.1.c is a duplicate; the last one counts',
      'line 2, column 30: a is a duplicate; the last one counts',
    ])
    const long = '{"a":1,"a":123456789012345678901}'
    assert.equal(duplicateMembers(long, parseJson(long)).length, 1)
    const many = `{${'"a":1,'.repeat(100)}"a":2}`
    assert.equal(duplicateMembers(many, JSON.parse(many)).length, 10)
    assert.deepEqual(duplicateMembers('{"a":"b\\":"}', { a: 'b":' }), [])
    fc.assert(fc.property(fc.json(), (json) => assert.deepEqual(duplicateMembers(json, JSON.parse(json)), [])))
  })

  it('property: finds no fault in JSON, and a fault wherever JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), (text) => {
        assert.equal(describeJsonFault(text), undefined)
      }),
    )
    const mutated = fc.tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', ',', '}', ']', '\\', '0', '-', ' ', ':'))
    fc.assert(
      fc.property(mutated, ([json, seed, insert]) => {
        const at = seed % (json.length + 1)
        const text = json.slice(0, at) + insert + json.slice(at + 1)
        assert.equal(describeJsonFault(text) === undefined, isJson(text), text)
      }),
      { numRuns: 500 },
    )
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
