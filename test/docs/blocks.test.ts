import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { blocksOf, PAGES, readPage } from '../helpers/markdown.ts'
import { CLAIMS } from './claims.ts'
import { KINDS } from './kinds.ts'

const ROOT = join(import.meta.dirname, '../..')
const BLOCKS = PAGES.flatMap((page) => blocksOf(page))

describe('the code blocks of the documentation', () => {
  for (const page of PAGES)
    it(`${page} has no block that no test runs`, () => {
      const unclaimed = blocksOf(page).filter(({ claim }) => CLAIMS[claim] === undefined)
      assert.deepEqual(
        unclaimed.map(({ heading, text }) => `${heading}: ${text}`),
        [],
      )
    })

  it('name in JSON a kind of file, and elsewhere a test', () => {
    for (const { page, language, claim, text } of BLOCKS)
      assert.equal(language === 'json', KINDS[claim] !== undefined, `${page}: ${text}`)
  })

  it('that are hosts each run against the contract suite', () => {
    const suite = readFileSync(join(ROOT, 'test/hosts/frameworks/frameworks.long.ts'), 'utf8')
    for (const { text } of BLOCKS.filter(({ claim }) => claim === 'host')) {
      const [, name] = /^\/\/ (\S+)\n/.exec(text) ?? []
      assert.ok(suite.includes(`example('${name}'`), text)
    }
  })

  for (const [claim, file] of Object.entries(CLAIMS))
    it(`"${claim}" names blocks, and ${file} runs them`, () => {
      assert.ok(BLOCKS.some((block) => block.claim === claim))
      const text = readFileSync(join(ROOT, file), 'utf8')
      assert.ok(KINDS[claim] ? text.includes('blocksFor(kind)') : text.includes(`blocksFor('${claim}'`))
    })

  it('the README has at most 200 lines', () => {
    assert.ok(readPage('README.md').split('\n').length <= 201)
  })
})
