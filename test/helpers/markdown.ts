import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** A fenced block of a page. */
export interface Block {
  /** Path of the page in the repository. */
  readonly page: string
  /** Of its opening fence, from 0. */
  readonly line: number
  readonly language: string
  /** The word after the language: the test that runs the block. Empty when there is none. */
  readonly claim: string
  readonly text: string
  /** The nearest heading above it. */
  readonly heading: string
  /** The file that the line above names: `conf/router.json`. */
  readonly file: string | undefined
}

/** Every page for readers, by its path in the repository. */
export const PAGES: readonly string[] = globSync(['*.md', 'docs/*.md'], { cwd: ROOT }).sort()

export const readPage = (page: string, root = ROOT): string => readFileSync(join(root, page), 'utf8')

/** The blocks that one test runs, page by page, in their order. @param root another checkout than this one */
export const blocksFor = (claim: string, root = ROOT): Block[] =>
  PAGES.flatMap((page) => blocksOf(page, root)).filter((block) => block.claim === claim)

/** The code blocks of a page, in their order. */
export function blocksOf(page: string, root = ROOT): Block[] {
  const blocks: Block[] = []
  let open: (Omit<Block, 'text'> & { readonly indent: string; readonly lines: string[] }) | undefined
  let heading = ''
  let named: string | undefined
  for (const [number, line] of readPage(page, root).split('\n').entries()) {
    if (open) {
      const { indent, lines, ...block } = open
      if (line === `${indent}\`\`\``) {
        blocks.push({ ...block, text: `${lines.join('\n')}\n` })
        open = undefined
      } else lines.push(line.slice(indent.length))
      continue
    }
    const [, indent, language = '', claim = ''] = /^( *)```(\w*) ?(\S*)$/.exec(line) ?? []
    // GitHub draws a diagram only where its language stands alone.
    if (indent !== undefined)
      open = {
        page,
        line: number,
        language,
        claim: claim || (language === 'mermaid' ? language : ''),
        heading,
        file: named,
        indent,
        lines: [],
      }
    else if (line.startsWith('#')) heading = line.replace(/^#+ /, '')
    if (line !== '') named = /^`([\w./-]+)`:$/.exec(line)?.[1]
  }
  return blocks
}
