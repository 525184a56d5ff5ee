import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

const MAX_LINES = 300
const MAX_FLAT_FILES = 25

const files = globSync('lib/**/*.ts', { cwd: ROOT }).sort()

/** A folder below a room is one node of the import graph; a file directly in a room is a node of its own. */
const nodeOf = (file: string): string => (dirname(file).split('/').length > 2 ? dirname(file) : file)

function imports(file: string): string[] {
  const source = readFileSync(join(ROOT, file), 'utf8')
  return [...source.matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)].map(([, from, dynamic]) =>
    normalize(join(dirname(file), from ?? dynamic ?? '')),
  )
}

/** Removes what imports nothing, or is not imported, of what is left, until only circles and paths between them remain. */
function circular(graph: Map<string, Set<string>>): string[] {
  for (let before = -1; before !== graph.size; ) {
    before = graph.size
    const imported = new Set([...graph.values()].flatMap((targets) => [...targets]))
    for (const [node, targets] of graph)
      if (!imported.has(node) || ![...targets].some((target) => graph.has(target))) graph.delete(node)
  }
  return [...graph.keys()]
}

describe('architecture', () => {
  it('has no import circle between folders', () => {
    const graph = new Map<string, Set<string>>()
    for (const file of files) {
      const targets = graph.get(nodeOf(file)) ?? new Set()
      for (const target of imports(file)) if (nodeOf(target) !== nodeOf(file)) targets.add(nodeOf(target))
      graph.set(nodeOf(file), targets)
    }
    assert.deepEqual(circular(graph), [])
  })

  it(`has no file of more than ${MAX_LINES} lines`, () => {
    const long = files.filter((file) => readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1 > MAX_LINES)
    assert.deepEqual(long, [])
  })

  it(`has no folder with more than ${MAX_FLAT_FILES} files`, () => {
    const folders = Map.groupBy(files, dirname)
    assert.deepEqual(
      [...folders].filter(([, members]) => members.length > MAX_FLAT_FILES).map(([folder]) => folder),
      [],
    )
  })
})
