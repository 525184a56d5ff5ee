import { readFile } from 'node:fs/promises'

/** A fenced block of the README. */
export interface Block {
  readonly language: string
  readonly text: string
  /** The nearest heading above it. */
  readonly heading: string
}

/** The code blocks of a Markdown file, in their order. */
export async function codeBlocks(file: string): Promise<Block[]> {
  const blocks: Block[] = []
  let heading = ''
  let open: { language: string; lines: string[] } | undefined
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    if (open && line === '```') {
      blocks.push({ language: open.language, text: `${open.lines.join('\n')}\n`, heading })
      open = undefined
    } else if (open) open.lines.push(line)
    else if (line.startsWith('```')) open = { language: line.slice(3), lines: [] }
    else if (line.startsWith('#')) heading = line.replace(/^#+ /, '')
  }
  return blocks
}
