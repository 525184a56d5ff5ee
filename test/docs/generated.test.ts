import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { generatedFiles } from '../../docs/generate/generated-files.ts'
import { type Description, rowsOf, table } from '../../docs/generate/tables.ts'

describe('npm run docs', () => {
  it('has been run since the schemas changed', () => {
    for (const [path, content] of Object.entries(generatedFiles())) {
      const written = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
      // The formatter breaks the lines of JSON its own way.
      if (path.endsWith('.json')) assert.deepEqual(JSON.parse(written), JSON.parse(content), path)
      else assert.equal(written, content, path)
    }
  })

  const SCHEMA = {
    properties: {
      name: { type: 'string' },
      hosts: { type: 'array', items: { properties: { port: { type: 'integer' } } } },
    },
    required: ['name'],
  }
  const write = (descriptions: Record<string, Description>) => table(rowsOf(SCHEMA), descriptions, 'x')

  it('describes nested properties, and says which are required', () => {
    const lines = write({ name: 'a', hosts: 'b', 'hosts[].port': { text: 'c', type: 'a port', byDefault: '443' } })
    assert.deepEqual(lines.split('\n').slice(2), [
      '| `name` | string | **required** | a |',
      '| `hosts` | array |  | b |',
      '| `hosts[].port` | a port | 443 | c |',
    ])
  })

  it('fails where a property has no description, or a description no property', () => {
    assert.throws(() => write({ name: 'a', hosts: 'b' }), /describe hosts\[\]\.port/)
    assert.throws(() => write({ name: 'a', hosts: 'b', 'hosts[].port': 'c', nmae: 'd' }), /there is no nmae/)
  })
})
