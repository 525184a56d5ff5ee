import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { PAGES, readPage } from '../helpers/markdown.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A page without its code. */
const prose = (page: string): string =>
  readPage(page)
    .replaceAll(/^( *)```.*\n[\s\S]*?^\1```$/gm, '')
    .replaceAll(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, 'code')

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of readPage(page)
    .replaceAll(/^```.*\n[\s\S]*?^```$/gm, '')
    .matchAll(/^#+ (.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`
    anchors.add(anchor)
  }
  return anchors
}

/** Why a link from `page` leads nowhere; undefined when it leads somewhere. */
function fault(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path))
  if (!existsSync(join(ROOT, target))) return `${link}: there is no ${target}`
  if (anchor !== undefined && !anchorsOf(target).has(anchor)) return `${link}: ${target} has no such heading`
  return undefined
}

describe('links', () => {
  for (const page of PAGES)
    it(`of ${page} lead somewhere`, () => {
      const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
      const faults = links.filter((link) => !/^https?:/.test(link)).map((link) => fault(page, link))
      assert.deepEqual(faults.filter(Boolean), [])
    })

  it('of each page of docs/ are in its index', () => {
    const index = readPage('docs/README.md')
    for (const page of PAGES.filter((name) => name.startsWith('docs/') && name !== 'docs/README.md'))
      assert.ok(index.includes(`(${page.slice('docs/'.length)})`), page)
  })

  const sources = globSync(
    ['lib/**/*.{ts,js}', 'test/**/*.{ts,js,mjs}', 'bench/**/*.ts', '.biome/*', '.ci/{run,check-package}'],
    {
      cwd: ROOT,
      exclude: ['**/node_modules/**'],
    },
  )
  const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

  it('of comments in the sources lead to pages and headings', () => {
    const faults = sources.flatMap((file) =>
      [...textOf(file).matchAll(/(?<![\w/.])((?:docs\/[\w-]+|README|SECURITY|CONTRIBUTING)\.md(?:#[\w-]+)?)/g)].map(
        ([, link = '']) => fault('README.md', link)?.replace(/^/, `${file}: `),
      ),
    )
    assert.deepEqual(faults.filter(Boolean), [])
  })

  it('of comments in the sources name no document that is not in the repository', () => {
    const cited = /\bpitfalls? [A-Z]\d|\b\d\d-[a-z]+(?:-[a-z]+)*(?:\.md)?, section|\b\d\d-[a-z-]+\.md\b/
    const citing = sources.filter((file) => file !== 'test/docs/links.test.ts' && cited.test(textOf(file)))
    assert.deepEqual(citing, [])
  })

  it('every code that names a test of an attack is in docs/pitfalls.md', () => {
    const codes = new Set([...readPage('docs/pitfalls.md').matchAll(/^\*\*([A-Z]\d+)\.\*\*/gm)].map(([, code]) => code))
    for (const file of globSync('test/security/*.ts', { cwd: ROOT })) {
      const [, code] = /\/([a-z]\d+)-/.exec(file) ?? []
      if (code !== undefined) assert.ok(codes.has(code.toUpperCase()), file)
    }
  })
})
