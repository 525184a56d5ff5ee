import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { type AnyNode, type Literal, parse } from 'acorn'
import { analyse } from 'scslre'

const ROOT = join(import.meta.dirname, '../..')
/** What a request line, a header or a small file may have. */
const LENGTH = 16_384
/** Of processor time, the best of three; linear ones take less than one. */
const MOST_MS = 50

/** Regular expressions whose cost grows faster than their text, with what keeps that text short. */
const SHORT_TEXT: ReadonlyMap<string, string> = new Map([
  ['lib/core/time/duration.ts', 'texts of more than 100 characters are refused before'],
  ['lib/crest/http/body.ts', 'the message of a SyntaxError, of which V8 quotes some ten characters'],
])
/** Made at run time, from a pattern in router.json: administrators answer for its cost. */
const FROM_CONFIGURATION = ['lib/script/rest/filter-schema.ts', 'lib/script/rest/filter.ts']

interface Found {
  readonly file: string
  readonly regex: RegExp
}

/** All regular expressions in a module: the literals, and the places where one is made of a text. */
function regexesIn(file: string): { literals: Found[]; made: number } {
  const code = stripTypeScriptTypes(readFileSync(join(ROOT, file), 'utf8'))
  const literals: Found[] = []
  let made = 0
  const visit = (node: AnyNode): void => {
    const { regex } = node as Literal
    if (node.type === 'Literal' && regex) literals.push({ file, regex: new RegExp(regex.pattern, regex.flags) })
    const isCall = node.type === 'NewExpression' || node.type === 'CallExpression'
    if (isCall && node.callee.type === 'Identifier' && node.callee.name === 'RegExp') made += 1
    for (const child of Object.values(node).flat()) if (child && typeof child.type === 'string') visit(child as AnyNode)
  }
  visit(parse(code, { ecmaVersion: 'latest', sourceType: 'module' }))
  return { literals, made }
}

/** Texts that make careless expressions slow: what the expression itself is made of, and blanks, many times. */
function worstInputs({ source }: RegExp): string[] {
  const characters = [...new Set(source.replaceAll(/\\[sSdDwWbBpPuxnrtf]/g, ''))]
  const pairs = characters.slice(0, -1).map((character, index) => character + characters[index + 1])
  const words = source.match(/[A-Za-z]{2,}/g) ?? []
  const pumps = [
    ...characters,
    ...pairs,
    ...words,
    ' ',
    '\n',
    '\t',
    'a',
    'A',
    '0',
    'a ',
    ' a',
    '\n ',
    '//',
    '/*',
    '1.',
    '%41',
  ]
  return [...new Set(pumps)].flatMap((pump) => {
    const text = pump.repeat(Math.ceil(LENGTH / pump.length)).slice(0, LENGTH)
    return [text, `${text}\u0001`, `x${text}!`, `"${text}\n x`]
  })
}

function msOf({ regex }: Found, text: string): number {
  const begin = process.threadCpuUsage()
  regex.lastIndex = 0
  if (regex.global) text.replace(regex, '')
  else regex.test(text)
  return process.threadCpuUsage(begin).user / 1000
}

describe('regular expressions cannot be made slow from outside', () => {
  const modules = globSync('lib/**/*.ts', { cwd: ROOT }).sort()
  const found = modules.map((file) => ({ file, ...regexesIn(file) }))
  const literals = found.flatMap((module) => module.literals)

  it('all of them are found', () => {
    assert.ok(literals.length > 100, `${literals.length} literals in ${modules.length} modules`)
    assert.deepEqual(
      found.filter(({ made }) => made > 0).map(({ file }) => file),
      FROM_CONFIGURATION,
    )
  })

  it('the cost of each grows with its text, and not faster', () => {
    const slow = literals.filter(({ regex }) => analyse(regex).reports.length > 0)
    const texts = slow.map(({ file, regex }) => `${file} ${regex}`)
    assert.deepEqual(
      texts.filter((text) => !SHORT_TEXT.has(text.split(' ', 1)[0] ?? '')),
      [],
    )
    assert.equal(new Set(slow.map(({ file }) => file)).size, SHORT_TEXT.size, 'the exceptions are still needed')
  })

  it('each takes 16 kB of its worst in no time', () => {
    for (const one of literals.filter(({ file }) => !SHORT_TEXT.has(file)))
      for (const text of worstInputs(one.regex)) {
        if (msOf(one, text) < MOST_MS) continue
        const ms = Math.min(msOf(one, text), msOf(one, text))
        assert.ok(ms < MOST_MS, `${one.file} ${one.regex}: ${ms} ms for ${JSON.stringify(text.slice(0, 20))}…`)
      }
  })

  it('finds those that were slow', () => {
    for (const regex of [/^\s*([^\s]+)\s+(.*?)\s*$/, /^(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*(?:\{|function\b)/, /\/+$/])
      assert.ok(analyse(regex).reports.length > 0, String(regex))
  })
})
