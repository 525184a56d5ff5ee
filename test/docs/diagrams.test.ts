import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { blocksFor } from '../helpers/markdown.ts'

const LIB = join(import.meta.dirname, '../../lib')

describe('diagrams', () => {
  it('the rooms are the folders of lib, and their phases exist', () => {
    const rooms = blocksFor('rooms').flatMap(({ text }) => [
      ...text.matchAll(/^(\w+)\/((?: +\w+\/)*)(?:.*\n((?: +\w+\/)+))?/gm),
    ])
    const folders = readdirSync(LIB, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    assert.deepEqual(rooms.map(([, room]) => room).sort(), folders.map(({ name }) => name).sort())
    for (const [, room = '', phases = '', more = ''] of rooms)
      for (const phase of `${phases}${more}`.match(/\w+/g) ?? [])
        assert.ok(existsSync(join(LIB, room, phase)), `${room}/${phase}`)
  })

  it('the picture of the README forwards a path as the proxy does', () => {
    const [block] = blocksFor('diagram')
    const [, path, url] = /(\/openidm\/external\/idm\/eu\/\S+) ──▶ (\S+)/.exec(block?.text ?? '') ?? []
    assert.equal(path?.replace('/openidm/external/idm/eu/', 'https://idm-eu.example.net/openidm/'), url)
  })

  for (const { heading, text } of blocksFor('mermaid'))
    it(`"${heading}" is a flowchart, whose nodes are all named`, () => {
      const [kind = '', ...lines] = text.trim().split('\n')
      assert.match(kind, /^flowchart (TD|LR)$/)
      const named = new Set<string>()
      const used = new Set<string>()
      for (const line of lines) {
        assert.match(line, EDGE)
        for (const [, id = '', label] of line.matchAll(NODE)) {
          if (label) named.add(id)
          used.add(id)
        }
      }
      assert.deepEqual(
        [...used].filter((id) => !named.has(id)),
        [],
      )
    })
})

const LABEL = String.raw`(?:\(\[[^\]]+\]\)|\[\([^)]+\)\]|\[[^\]]+\]|\{[^}]+\})`
const ARROW = String.raw`(?:-->|-- \w+ -->|-\. [^.]+ \.->)`
const EDGE = new RegExp(`^  \\w+${LABEL}? ${ARROW} \\w+${LABEL}?$`)
const NODE = new RegExp(`(?:^  |> )(\\w+)(${LABEL})?`, 'g')
