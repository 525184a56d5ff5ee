import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatConfig } from '../../lib/config/rest/config-format.ts'
import type { JsonObject } from '../../lib/contract.ts'

const reformat = (text: string, change: (content: JsonObject) => JsonObject): string => {
  const content = JSON.parse(text) as JsonObject
  return formatConfig(change(content), { text, content })
}

describe('config: text of a changed file', () => {
  it('a new file has two spaces and a line end', () => {
    assert.equal(formatConfig({ a: { b: 1 } }), '{\n  "a": {\n    "b": 1\n  }\n}\n')
  })

  for (const [name, indent] of [
    ['two spaces', '  '],
    ['four spaces', '    '],
    ['tabs', '\t'],
  ] as const) {
    it(`keeps ${name}`, () => {
      const text = `{\n${indent}"a": {\n${indent}${indent}"b": 1\n${indent}}\n}\n`
      assert.equal(
        reformat(text, (content) => content),
        text,
      )
    })
  }

  it('keeps line ends, and their absence at the end', () => {
    assert.equal(
      reformat('{\r\n  "a": 1\r\n}\r\n', () => ({ a: 2 })),
      '{\r\n  "a": 2\r\n}\r\n',
    )
    assert.equal(
      reformat('{\n  "a": 1\n}', () => ({ a: 2 })),
      '{\n  "a": 2\n}',
    )
  })

  it('keeps the order of members that stay, new ones come last', () => {
    const text = '{\n  "z": 1,\n  "gone": 1,\n  "a": {\n    "y": 1,\n    "b": 1\n  }\n}\n'
    const changed = reformat(text, () => ({ new: 1, a: { b: 2, y: 2 }, z: 2 }))
    assert.equal(changed, '{\n  "z": 2,\n  "a": {\n    "y": 2,\n    "b": 2\n  },\n  "new": 1\n}\n')
  })

  it('property: says what it was told, whatever stood there before', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true })
    fc.assert(
      fc.property(object, object, fc.constantFrom(0, 2, '\t'), (before, after, indent) => {
        const content = JSON.parse(JSON.stringify(after)) as JsonObject
        const old = { text: JSON.stringify(before, null, indent), content: before as JsonObject }
        assert.deepEqual(JSON.parse(formatConfig(content, old)), content)
      }),
    )
  })
})
