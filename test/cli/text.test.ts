import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import type { GatewayApi } from '../../lib/cli/gateway-api.ts'
import { follow } from '../../lib/cli/recon/progress.ts'
import { shown, table, wrapped } from '../../lib/cli/text.ts'
import type { JsonObject } from '../../lib/contract.ts'

describe('a table', () => {
  const rows = [
    ['NAME', 'STEP', ''],
    ['日本', 'reach', 'it refused the connection'],
    '  do: look whether it runs, which is longer than the terminal is wide',
    ['eu', 'answer', 'ok'],
  ]

  it('lines up whatever the width of the characters, one line for each row in a pipe', () => {
    assert.deepEqual(table(rows, {}).split('\n'), [
      'NAME  STEP',
      '日本  reach   it refused the connection',
      '  do: look whether it runs, which is longer than the terminal is wide',
      'eu    answer  ok',
      '',
    ])
  })

  it('wraps its last column at a terminal, and leaves lines to be copied as they are', () => {
    assert.deepEqual(table(rows, { width: 30 }).split('\n'), [
      'NAME  STEP',
      '日本  reach   it refused the',
      '              connection',
      '  do: look whether it runs, which is longer than the terminal is wide',
      'eu    answer  ok',
      '',
    ])
  })

  it('aligns numbers to the right', () => {
    const counts = [
      ['3', 'ABSENT', 'CREATE'],
      ['12', 'FOUND', 'UPDATE'],
    ]
    assert.equal(
      table(counts, { width: 80, indent: 2, numbered: true }),
      '   3  ABSENT  CREATE\n  12  FOUND   UPDATE\n',
    )
  })

  it('is empty without rows', () => assert.equal(table([], { width: 80 }), ''))
})

describe('a paragraph', () => {
  it('wraps at words, indented, without control characters', () => {
    assert.deepEqual(wrapped('one \u001b[31mtwo three', 14, 2), ['  one �[31mtwo', '  three'])
  })

  it('shows text in the order in which it is stored', () => {
    assert.equal(shown('invoice\u202egnp.exe\u2066\u200f\u009b', 80), '"invoice�gnp.exe���"')
  })
})

describe('the progress of a run', () => {
  const run = (processed: number, total: string, state = 'ACTIVE'): JsonObject => ({
    state,
    progress: { source: { existing: { processed, total } } },
    situationSummary: { ABSENT: processed, FOUND: 0 },
  })

  async function shown(runs: JsonObject[], terminal: object): Promise<string> {
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), terminal)
    const left = [...runs]
    const api: Pick<GatewayApi, 'read'> = { read: async () => left.shift() ?? null }
    assert.equal(await follow(api as GatewayApi, 'x', stream), runs.at(-1))
    return textOf(stream.end())
  }

  const sequence = [run(0, '?'), run(50, '200'), run(200, '200', 'SUCCESS')]

  it('is a bar that fits the terminal', async () => {
    const text = await shown(sequence, { isTTY: true, columns: 60 })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves the cursor
    const lines = text.split(/\u001b\[\d*[A-Z]|\u001b\d|\n/).filter(Boolean)
    assert.ok(
      lines.every((line) => line.length <= 60),
      text,
    )
    assert.match(lines[0] ?? '', /^░{8} 0\/\?, 0\/s, \? left/)
    assert.match(lines.at(-1) ?? '', /^█{8} 200\/200, \d+\/s, .*ABSENT 200$/)
  })

  it('is nothing for a short run without a terminal', async () => assert.equal(await shown(sequence, {}), ''))
})
