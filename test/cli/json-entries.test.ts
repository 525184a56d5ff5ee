import assert from 'node:assert/strict'
import { jsonEntries } from '../../lib/cli/link/json-entries.ts'

/** The entries of a text that comes in pieces of this many characters, as `LINE TEXT`. */
async function entries(text: string, size = text.length): Promise<string[]> {
  async function* pieces() {
    for (let start = 0; start < text.length; start += size) yield text.slice(start, start + size)
  }
  const found: string[] = []
  for await (const entry of jsonEntries(pieces())) found.push(`${entry.line} ${entry.text}`)
  return found
}

describe('the entries of a JSON list', () => {
  const READ: [what: string, text: string, found: string[]][] = [
    ['a list', '[{"a":1},{"b":[1,{"c":2}]}]', ['1 {"a":1}', '1 {"b":[1,{"c":2}]}']],
    ['a list over several lines', '[\n  {"a": 1},\n  {\n    "b": 2 }\n]\n', ['2 {"a": 1}', '3 {\n    "b": 2 }']],
    ['an answer to a query', '{"resultCount":1,\n"result":[\n{"a":1}],"pagedResultsCookie":null}\n', ['3 {"a":1}']],
    ['objects one after the other', '{"a":1}\n{"b":2}\n', ['1 {"a":1}', '2 {"b":2}']],
    ['brackets and quotes in texts', '[{"a":"]}\\"["},{"b":"\\\\"}]', ['1 {"a":"]}\\"["}', '1 {"b":"\\\\"}']],
    ['what is no object, too', '[1, "x y", {"a":1}]', ['1 1', '1 "x y"', '1 {"a":1}']],
    ['what follows a broken entry', '[{"a":},}\n,{"b":1}]', ['1 {"a":}', '1 }', '2 {"b":1}']],
    ['an empty list', ' [ ] ', []],
    ['nothing', '', []],
  ]
  for (const [what, text, found] of READ)
    it(`are those of ${what}`, async () => {
      assert.deepEqual(await entries(text), found)
      assert.deepEqual(await entries(text, 1), found)
    })

  const REFUSED: [what: string, text: string, message: RegExp][] = [
    ['a file that is cut off', '[{"a":1},\n', /^line 2: the file ends within the list: it is incomplete$/],
    ['a file that is cut off within an entry', '[{"a":"1', /incomplete$/],
    ['an answer that is cut off', '{"result":[{"a":1}]', /incomplete$/],
    ['one page of several', '{"result":[],"pagedResultsCookie":"x"}', /one page of a query/],
    ['something behind the list', '[] x', /the text after the list is not JSON$/],
    ['an entry without end', `[{"a":"${'x'.repeat(100_000)}`, /^line 1: an entry has more than/],
  ]
  for (const [what, text, message] of REFUSED)
    it(`are not those of ${what}`, () => assert.rejects(entries(text), { name: 'SyntaxError', message }))
})
