import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { tempDir } from '../helpers/files.ts'
import { startCommandStage, type Typed, typedCommand } from '../sync/command-stage.ts'

const MAPPING = 'eu_to_fidc'

const link = (firstId: string, secondId: string, more: JsonObject = {}): JsonObject => ({
  ...{ _id: `l-${firstId}`, _rev: '0', linkType: MAPPING, linkQualifier: 'default', firstId, secondId },
  ...more,
})

interface Stage {
  /** Types `link ARGS`. */
  type(...args: string[]): Promise<Typed>
  /** Types `link import FILE ARGS`, for a file with this content. */
  take(content: string, ...args: string[]): Promise<Typed>
  /** What is stored: `FIRST-SECOND`. */
  links(type?: string): Promise<string[]>
  readonly stage: Awaited<ReturnType<typeof startCommandStage>>
}

async function start(): Promise<Stage> {
  const stage = await startCommandStage()
  const file = join(await tempDir(), 'links')
  const type = (...args: string[]) => typedCommand(stage.gateway.url, ['link', ...args])
  return {
    stage,
    type,
    async take(content, ...args) {
      await writeFile(file, content)
      return type('import', file, '--mapping', MAPPING, ...args)
    },
    async links(linkType = MAPPING) {
      const { json } = await stage.gateway.call(`/repo/link?_queryFilter=linkType+eq+"${linkType}"`)
      const { result } = json as { result: JsonObject[] }
      return result.map(({ firstId, secondId }) => `${String(firstId)}-${String(secondId)}`).sort()
    },
  }
}

describe('link import', () => {
  const FORMS: [what: string, content: string][] = [
    ['a JSON list', JSON.stringify([link('bo', 't1'), link('cy', 't2')])],
    [
      'the answer of repo/link',
      JSON.stringify({ result: [link('bo', 't1'), link('cy', 't2')], resultCount: 2 }, null, 2),
    ],
    ['CSV', 'firstId,secondId\nbo,t1\ncy,t2\n'],
    [
      'CSV of the database of IDM',
      'objectid,rev,linktype,linkqualifier,firstid,secondid\r\n1,0,eu_to_fidc,default,bo,t1\r\n2,0,eu_to_fidc,default,cy,"t2"\r\n',
    ],
  ]
  for (const [what, content] of FORMS)
    it(`takes over ${what}, and finds it unchanged the next time`, async () => {
      const { take, links } = await start()
      const first = await take(content)
      assert.deepEqual([first.code, first.stdout], [0, 'eu_to_fidc: 2 added, 0 unchanged\n'], first.stderr)
      assert.deepEqual(await links(), ['bo-t1', 'cy-t2'])
      const second = await take(content)
      assert.deepEqual([second.code, second.stdout], [0, 'eu_to_fidc: 0 added, 2 unchanged\n'])
    })

  it('makes pairs that the first run confirms', async () => {
    const { take, stage } = await start()
    await stage.target.connection.create('managed/alpha_user', 't1', { userName: 'other', mail: 'bo@x', password: 'x' })
    await take(JSON.stringify([link('bo', 't1')]))
    const { stdout } = await stage.type('eu_to_fidc', '--dry-run')
    assert.match(stdout, / {2}1 {2}CONFIRMED {2}UPDATE/)
  })

  it('names what it does not take over by file and line, and takes over the rest', async () => {
    const { take, links } = await start()
    await take(JSON.stringify([link('bo', 't1')]))
    const lines = [link('bo', 't9'), '{"firstId": }', link('', 'x'), 'x', link('dee', 't1'), link('eve', 't5')]
    const text = `[\n${lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join(',\n')}\n]`
    const { code, stdout, stderr } = await take(text)
    assert.equal(code, 1)
    assert.deepEqual(stderr.trimEnd().split('\n').sort(), [
      'links:2: bo is linked to t1 already',
      'links:3: it is not JSON',
      'links:4: firstId must be the id of an object',
      'links:5: it is not JSON',
      'links:6: bo is linked to t1 already',
    ])
    assert.equal(stdout, 'eu_to_fidc: 1 added, 0 unchanged, 2 in conflict with other links, 3 invalid\n')
    assert.deepEqual(await links(), ['bo-t1', 'eve-t5'])
  })

  it('takes over links of one type', async () => {
    const { take, links } = await start()
    const old = (id: string) => link(id, `t-${id}`, { linkType: 'managedUser_ldap' })
    const text = JSON.stringify([old('bo'), old('cy'), link('dee', 't3', { linkType: 'another' })])
    const none = await take(text)
    assert.equal(none.code, 1)
    assert.match(
      none.stdout.replaceAll('\n', ' '),
      /left out links of other types: managedUser_ldap \(2\), another \(1\): name one of them with --type/,
    )
    const { code, stdout } = await take(text, '--type', 'managedUser_ldap', '--json')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(stdout), {
      ...{ mapping: MAPPING, linkType: MAPPING, dryRun: false, added: 2, unchanged: 0, conflict: 0, invalid: 0 },
      otherTypes: { another: 1 },
    })
    assert.deepEqual(await links(), ['bo-t-bo', 'cy-t-cy'])
  })

  it('--dry-run writes nothing', async () => {
    const { take, links } = await start()
    const { code, stdout } = await take('firstId,secondId\nbo,t1\n', '--dry-run')
    assert.deepEqual([code, stdout], [0, 'eu_to_fidc: 1 would be added, 0 unchanged\n'])
    assert.deepEqual(await links(), [])
  })

  it('goes in batches', async () => {
    const { take, links } = await start()
    const rows = Array.from({ length: 1234 }, (_, index) => `s${index},t${index}`)
    const { code, stdout, stderr } = await take(`firstId,secondId\n${[...rows, 's7,t8', ...rows].join('\n')}`)
    assert.equal(code, 1)
    assert.equal(stderr, 'links:1236: s7 is linked to t7 already\n')
    assert.equal(stdout, 'eu_to_fidc: 1234 added, 1234 unchanged, 1 in conflict with other links\n')
    assert.equal((await links()).length, 1234)
  })

  const FAULTS: [what: string, content: string | Buffer, message: RegExp][] = [
    ['a header without ids', 'a,b\n1,2\n', /links: line 1: the header of a CSV file must name firstId and secondId/],
    ['a list that is cut off', '[{"firstId":"a","secondId":"b"},', /links: line 1: the file ends within the list/],
    ['bytes that are no UTF-8', Buffer.from('firstId,secondId\nR\xe9n,x\n', 'latin1'), /links: it is not UTF-8 text/],
  ]
  for (const [what, content, message] of FAULTS)
    it(`names ${what}`, async () => {
      const { take } = await start()
      const { code, stdout, stderr } = await take(content as string)
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, message)
    })

  it('says what it needs', async () => {
    const { type } = await start()
    assert.equal((await type('import', 'x')).code, 2)
    assert.match((await type('import', '/nowhere', '--mapping', MAPPING)).stderr, /\/nowhere: does not exist/)
    const other = await type('import', import.meta.filename, '--mapping', 'other')
    assert.match(other.stderr, /No such mapping: other/)
  })
})

describe('link purge', () => {
  it('removes the links of removed mappings, and of no other', async () => {
    const { stage, take, type, links } = await start()
    await take('firstId,secondId\nbo,t1\n')
    const config = `/config/mapping/gone`
    const mapping = {
      source: 'external/idm/65/managed/user',
      target: 'external/idm/fidc/managed/alpha_user',
      properties: [],
    }
    assert.equal((await stage.gateway.call(config, { method: 'PUT', json: mapping })).status, 201)
    const body = { links: [{ firstId: 'a', secondId: 'b' }] }
    await stage.gateway.call('/repo/link?_action=import&mapping=gone', { method: 'POST', json: body })
    assert.match((await type('purge', '--mapping', 'gone', '--yes')).stderr, /the mapping gone uses them/)
    assert.equal((await type('purge', '--removed', '--yes')).stdout, 'There are no such links.\n')
    assert.equal((await stage.gateway.call(config, { method: 'DELETE' })).status, 200)

    const listed = await type('list')
    assert.deepEqual(listed.stdout.trimEnd().split('\n'), [
      'LINK TYPE   LINKS  MAPPINGS',
      'eu_to_fidc  1      eu_to_fidc',
      'gone        1      none',
    ])
    assert.equal((await type('purge', '--removed')).code, 2)
    assert.equal((await type('purge', '--yes')).code, 2)
    const asked = await typedCommand(stage.gateway.url, ['link', 'purge', '--removed'], async function* () {
      yield 'no\n'
    })
    assert.equal(asked.code, 1)
    assert.match(asked.stdout, /^gone +1 +none$/m)
    assert.doesNotMatch(asked.stdout, /eu_to_fidc/)
    assert.deepEqual(await links('gone'), ['a-b'])
    assert.equal((await type('purge', '--mapping', 'gone', '--yes')).stdout, 'gone: 1 links removed\n')
    assert.deepEqual([await links('gone'), await links()], [[], ['bo-t1']])
  })
})
