import assert from 'node:assert/strict'
import { csvLine, csvRecords } from '../../lib/cli/csv.ts'

/** The records of a text that comes in pieces of this many characters. */
async function records(text: string, size = text.length): Promise<[line: number, ...cells: string[]][]> {
  async function* pieces() {
    for (let start = 0; start < text.length; start += size) yield text.slice(start, start + size)
  }
  const found: [number, ...string[]][] = []
  for await (const { line, cells } of csvRecords(pieces())) found.push([line, ...cells])
  return found
}

describe('CSV', () => {
  const LINES: [what: string, cells: string[], line: string][] = [
    ['plain cells', ['a', '', 'b c'], 'a,,b c'],
    ['separators, quotes and line breaks', ['a,b', 'say "x"', 'two\nlines'], '"a,b","say ""x""","two\nlines"'],
    ['formulas', ['=1+1', '+1', '-1', '@x', '\tx', '\rx', 'a=1'], `'=1+1,'+1,'-1,'@x,'\tx,"'\rx",a=1`],
    ['a formula with quotes', ['=HYPERLINK("x","y")'], `"'=HYPERLINK(""x"",""y"")"`],
  ]
  for (const [what, cells, line] of LINES) it(`writes ${what}`, () => assert.equal(csvLine(cells), `${line}\r\n`))

  const READ: [what: string, text: string, found: [number, ...string[]][]][] = [
    [
      'records with the line where they begin',
      'a,b\r\nc,d\n',
      [
        [1, 'a', 'b'],
        [2, 'c', 'd'],
      ],
    ],
    [
      'the last record without a line break',
      'a\nb',
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
    [
      'empty cells, but no empty lines',
      '\n,\n\n"",x\n""\n',
      [
        [2, '', ''],
        [4, '', 'x'],
        [5, ''],
      ],
    ],
    [
      'quoted separators, quotes and line breaks',
      '"a,b","say ""x""","two\r\nlines"\nz',
      [
        [1, 'a,b', 'say "x"', 'two\r\nlines'],
        [3, 'z'],
      ],
    ],
    ['nothing', '', []],
  ]
  for (const [what, text, found] of READ)
    it(`reads ${what}`, async () => {
      assert.deepEqual(await records(text), found)
      assert.deepEqual(await records(text, 1), found)
    })

  it('reads what it has written', async () => {
    const cells = ['a,b', '', 'say "x"', 'two\nlines', 'ä→日本', '""']
    assert.deepEqual(await records(csvLine(cells)), [[1, ...cells]])
  })

  it('names the line of a quote that is not closed', async () => {
    await assert.rejects(records('a\n"b\nc'), { name: 'SyntaxError', message: 'line 2: a quote is not closed' })
  })

  it('names the line of a record that is too long, with or without a quote', async () => {
    const message = 'line 2: a record has more than 1048576 characters: a quote may not be closed'
    await assert.rejects(records(`a\n"${'b\n'.repeat(1_000_000)}`), { name: 'SyntaxError', message })
    await assert.rejects(records(`a\n${'b,'.repeat(1_000_000)}`), { name: 'SyntaxError', message })
  })
})
