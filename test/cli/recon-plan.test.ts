import assert from 'node:assert/strict'
import { csvRecords } from '../../lib/cli/csv.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { commandLine } from '../../lib/core/command-line.ts'
import { PASSWORD } from '../gateway/parts.ts'
import { spawnNode } from '../helpers/process.ts'
import { BIN } from '../helpers/terminal.ts'
import { type CommandStage, startCommandStage } from '../sync/command-stage.ts'

const COMMAND = commandLine({ cwd: '/' })
const MORE: JsonObject = {
  reconAssociation: { maxAnalysisRunsPerMapping: 2, maxNonAnalysisRunsPerMapping: 2 },
  policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }],
}

/** The id that a command prints before anything else. */
const idIn = ({ stderr }: { readonly stderr: string }): string =>
  /^Run (\S+): /.exec(stderr)?.[1] ?? assert.fail(stderr)

const planOf = async ({ type }: CommandStage, ...args: string[]): Promise<string> => {
  const made = await type('eu_to_fidc', '--dry-run', ...args)
  assert.equal(made.code, 0, made.stderr)
  return idIn(made)
}

/** One pair to update, one to delete, one that does not change, and one source to create. */
async function mixed(): Promise<CommandStage & { readonly id: string }> {
  const stage = await startCommandStage(MORE)
  assert.equal((await stage.type('eu_to_fidc', '--yes')).code, 0)
  const { connection } = stage.source
  await connection.delete('managed/user/cy', null)
  await connection.update('managed/user/bo', null, { userName: 'bo', mail: '=HYPERLINK("x")', password: 'Sesam-1234' })
  await connection.create('managed/user', 'dee', { userName: 'dee', mail: 'd@x' })
  return { ...stage, id: await planOf(stage) }
}

async function table(text: string): Promise<Record<string, string>[]> {
  const records: (readonly string[])[] = []
  for await (const { cells } of csvRecords(pieces(text))) records.push(cells)
  const [header = [], ...rows] = records
  return rows.map((cells) => Object.fromEntries(header.map((name, column) => [name, cells[column] ?? ''])))
}

async function* pieces(text: string) {
  yield text
}

const actions = (rows: readonly JsonObject[]): string[] =>
  rows.map(({ sourceObjectId, action }) => `${String(sourceObjectId)} ${String(action)}`).sort()

describe('recon plan', () => {
  it('is what a dry run names, with the commands to type next', async () => {
    const { type } = await startCommandStage()
    const made = await type('eu_to_fidc', '--dry-run')
    const id = idIn(made)
    const next = ['plan', 'execute'].map((word) => `  ${COMMAND} recon ${word} ${id}`)
    assert.ok(made.stdout.endsWith(`\nNext:\n${next[0]} --only changes\n${next[1]}\n`), made.stdout)
    const { code, stdout } = await type('plan', id)
    assert.equal(code, 0)
    assert.equal(stdout, made.stdout)
    assert.match(stdout, /^Plan of eu_to_fidc: 3 decisions\nMade by openidm-admin at \S+\nValid until \S+$/m)
    assert.ok(
      stdout.split('\n').every((line) => line.length <= 80 || line.includes(COMMAND)),
      stdout,
    )
  })

  it('is named with what is left to do after a part and after all of it', async () => {
    const { type } = await startCommandStage()
    const id = idIn(await type('eu_to_fidc', '--dry-run'))
    const next = (...commands: string[]) =>
      `\nNext:\n${commands.map((words) => `  ${COMMAND} recon ${words}\n`).join('')}`
    const part = await type('execute', id, '--limit', '1')
    assert.ok(part.stdout.endsWith(next(`plan ${id} --only changes`, `execute ${id}`)), part.stdout)
    const rest = await type('execute', id)
    assert.ok(rest.stdout.endsWith(next('verify eu_to_fidc')), rest.stdout)
    const { stdout } = await type('plan', id)
    assert.ok(stdout.endsWith(`It was executed.\n${next('verify eu_to_fidc')}`), stdout)
  })

  it('lists the rows of a kind, of a field, of an object', async () => {
    const { type, id } = await mixed()
    const rows = async (...args: string[]) => {
      const { code, stdout, stderr } = await type('plan', id, '--json', ...args)
      assert.equal(code, 0, stderr)
      return actions((JSON.parse(stdout) as { entries: JsonObject[] }).entries)
    }
    assert.deepEqual(await rows(), ['amira UPDATE', 'bo UPDATE', 'cy DELETE', 'dee CREATE'])
    assert.deepEqual(await rows('--only', 'changes'), ['bo UPDATE', 'cy DELETE', 'dee CREATE'])
    assert.deepEqual(await rows('--only', 'creates'), ['dee CREATE'])
    assert.deepEqual(await rows('--only', 'updates'), ['bo UPDATE'])
    assert.deepEqual(await rows('--only', 'deletes'), ['cy DELETE'])
    assert.deepEqual(await rows('--only', 'failures'), [])
    assert.deepEqual(await rows('--field', '/mail'), ['bo UPDATE', 'dee CREATE'])
    assert.deepEqual(await rows('--field', 'mai'), [])
    assert.deepEqual(await rows('--id', 'bo'), ['bo UPDATE'])
    assert.deepEqual(await rows('--only', 'creates', '--field', '/mail', '--id', 'bo'), [])
  })

  it('says for each row what is done and what changes', async () => {
    const { type, id } = await mixed()
    const { stdout } = await type('plan', id, '--only', 'updates')
    assert.match(
      stdout,
      /^ {2}CONFIRMED → UPDATE: bo → \S+: [^\n]+(\n {2}[^\n]+)?\n {6}\/mail: "bo@x" → "=HYPERLINK\(\\"x\\"\)"\n$/,
    )
  })

  it('as CSV has a line for each field, and no cell that a spreadsheet executes', async () => {
    const { type, id } = await mixed()
    const { stdout } = await type('plan', id, '--csv', '--only', 'changes')
    assert.ok(stdout.startsWith('situation,action,linkQualifier,sourceObjectId,targetObjectId,status,reason,message,'))
    const rows = await table(stdout)
    assert.deepEqual(
      rows
        .map(({ sourceObjectId, action, field, from, to }) => [action, sourceObjectId, field, from, to].join(' '))
        .sort(),
      ['CREATE dee /mail  d@x', 'CREATE dee /userName  dee', 'DELETE cy   ', `UPDATE bo /mail bo@x '=HYPERLINK("x")`],
    )
  })

  it('comes page by page, complete and in order', async () => {
    const stage = await startCommandStage()
    const names = Array.from({ length: 1100 }, (_, index) => `n${String(index).padStart(4, '0')}`)
    for (const name of names) await stage.source.connection.create('managed/user', name, { userName: name })
    const id = await planOf(stage)
    const { stdout } = await stage.type('plan', id, '--csv', '--field', '/userName')
    const rows = (await table(stdout)).filter(({ field }) => field === '/userName')
    assert.deepEqual(
      rows.map(({ to }) => to),
      ['amira', 'bo', 'cy', ...names],
    )
    const { stdout: text } = await stage.type('plan', id, '--json')
    assert.equal((JSON.parse(text) as { entries: JsonObject[] }).entries.length, names.length + 3)
    const env = { OPENIDM_URL: stage.gateway.url, OPENIDM_PASSWORD: PASSWORD, LOG_LEVEL: 'silent' }
    const command = spawnNode([BIN, 'recon', 'plan', id, '--csv'], { env })
    command.child.stdout.once('data', () => command.child.stdout.destroy())
    // A reader that stops early, such as `head`, ends it without a word.
    assert.deepEqual(await command.exited, { code: 1, signal: null })
    assert.equal(command.stderr, '')
  })

  it('--diff shows what has changed since another plan', async () => {
    const { source, type, id } = await mixed()
    await source.connection.delete('managed/user/dee', null)
    await source.connection.update('managed/user/bo', null, { userName: 'bo', mail: 'later' })
    await source.connection.create('managed/user', 'eve', { userName: 'eve' })
    const later = idIn(await type('eu_to_fidc', '--dry-run'))
    const { code, stdout } = await type('plan', later, '--diff', id)
    assert.equal(code, 0)
    assert.match(stdout, /^ {2}added: ABSENT → CREATE: eve → —/m)
    assert.match(stdout, /^ {2}removed: ABSENT → CREATE: dee → —/m)
    assert.match(stdout, /^ {2}was: CONFIRMED → UPDATE: bo → [\s\S]*\n {2}is: CONFIRMED → UPDATE: bo → [\s\S]*"later"/m)
    assert.doesNotMatch(stdout, /amira/)
    const rows = await table((await type('plan', later, '--diff', id, '--csv')).stdout)
    assert.ok(rows.some(({ change, sourceObjectId }) => change === 'removed' && sourceObjectId === 'dee'))
  })

  it('names what it does not find', async () => {
    const { type, id } = await mixed()
    assert.match((await type('plan', 'none')).stderr, /there is no run "none"/)
    assert.match((await type('plan', id, '--diff', 'none')).stderr, /there is no run "none"/)
    assert.equal((await type('plan', id, '--only', 'everything')).code, 2)
    assert.equal((await type('execute', id, '--only', 'creates,everything')).code, 2)
  })
})

describe('recon execute', () => {
  it('executes a part of a plan, then the rest', async () => {
    const { type, id } = await mixed()
    const part = await type('execute', id, '--only', 'creates,updates', '--limit', '1')
    assert.equal(part.code, 0, part.stderr)
    assert.match(part.stderr, /^Run \S+: the plan of eu_to_fidc is executed\n/)
    assert.match((await type('plan', id)).stdout, /^Executed by openidm-admin at \S+: 1 rows, run\n?/m)
    const rest = await type('execute', id)
    assert.equal(rest.code, 0, rest.stderr)
    assert.match(rest.stdout, /1 deleted/)
    const again = await type('execute', id)
    assert.deepEqual([again.code, again.stdout], [1, ''])
    assert.match(again.stderr, /carried out already/)
  })

  it('needs approval where the mapping requires it', async () => {
    const { type } = await startCommandStage({ requireApproval: true })
    const asked = await type('eu_to_fidc', '--yes')
    const id = idIn(asked)
    assert.equal(asked.code, 1)
    assert.match(asked.stderr, /eu_to_fidc has requireApproval: nothing is executed before the plan is approved\n$/)
    assert.match(asked.stdout, new RegExp(`recon approve ${id}\n`))
    assert.match((await type('execute', id)).stderr, /approve the plan first.*\(409\)/)
    const approved = await type('approve', id)
    assert.equal(approved.code, 0, approved.stderr)
    assert.match(approved.stdout, /^Approved by openidm-admin at \S+$/m)
    assert.ok(approved.stdout.endsWith(`recon execute ${id}\n`), approved.stdout)
    assert.equal((await type('execute', id)).code, 0)
  })
})

describe('recon verify', () => {
  it('ends with 1 while the sides differ, and says in what', async () => {
    const { type, source } = await startCommandStage({
      properties: [
        { source: 'userName', target: 'userName' },
        { source: 'mail', target: 'mail' },
      ],
    })
    const before = await type('verify', 'eu_to_fidc')
    assert.equal(before.code, 1)
    assert.match(
      before.stdout,
      /^eu_to_fidc: the two sides differ\n3 sources, 0 targets, 0 linked, 0 match\n {2}3 {2}sources have no target\n$/,
    )
    await type('eu_to_fidc', '--yes')
    const equal = await type('verify', 'eu_to_fidc')
    assert.deepEqual(
      [equal.code, equal.stdout],
      [0, 'eu_to_fidc: the two sides agree\n3 sources, 3 targets, 3 linked, 3 match\n'],
    )
    await source.connection.update('managed/user/bo', null, { userName: 'bo', mail: 'other' })
    const after = await type('verify', 'eu_to_fidc', '--json')
    assert.equal(after.code, 1)
    const { differing, fields } = JSON.parse(after.stdout) as JsonObject
    assert.deepEqual([differing, fields], [1, { '/mail': 1 }])
    assert.match(
      (await type('verify', 'eu_to_fidc')).stdout,
      / {2}1 {2}pairs differ\nFields that differ\n {2}1 {2}\/mail\n$/,
    )
  })
})

describe('a pilot', () => {
  for (const [args, count] of [
    [['--limit', '2'], 2],
    [['--sample', '1'], 1],
    [['--filter', 'userName eq "bo"'], 1],
  ] as const)
    it(`looks at some sources only: ${args.join(' ')}`, async () => {
      const { type } = await startCommandStage()
      const { code, stdout, stderr } = await type('eu_to_fidc', '--yes', ...args)
      assert.equal(code, 0, stderr)
      assert.match(stdout, new RegExp(`^Targets: ${count} created`, 'm'))
      assert.match((await type('status')).stdout, new RegExp(`  pilot plan  SUCCESS  ${count} planned, 0 failed  `))
    })
})
