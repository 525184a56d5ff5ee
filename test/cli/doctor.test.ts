import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { main } from '../../lib/cli/cli.ts'
import { noticesOf, noticeTable } from '../../lib/cli/notices.ts'
import { BIN } from '../docs/shell.ts'
import { type FakeIdm, fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { tempDir, tempDirWith } from '../helpers/files.ts'
import { spawnNode } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'
import { directoriesOf, startOn } from '../projects/projects.ts'

async function run(...args: string[]) {
  const out = { stdout: '', stderr: '' }
  const sink = (name: keyof typeof out) => ({ write: (text: string) => (out[name] += text) })
  const io = { stdout: sink('stdout'), stderr: sink('stderr'), cwd: '/', stdin: process.stdin, env: {} }
  return { status: await main(args, io), ...out }
}

async function copyOf(form: string): Promise<string> {
  const dir = await tempDir()
  for (const from of directoriesOf(form, false)) await cp(from, dir, { recursive: true })
  return dir
}

describe('the command doctor', function () {
  this.timeout(60_000)

  it('shows what is not in force: file, key, what, and what to do', async () => {
    const dir = await copyOf('stock-6.5')
    const { status, stdout } = await run('doctor', '--project', dir)
    assert.equal(status, 1)
    assert.match(stdout, /^FILE +KEY +NOT IN FORCE\n/)
    assert.match(
      stdout,
      /^router\.json +filters\.0\.onRequest +the script of IDM is left out: router-authz\.js stands for/m,
    )
    assert.match(
      stdout,
      /^endpoint-report\.json +Java class java\.util\.UUID is not available .*; it is not served\n {2}do: write that part in JavaScript$/m,
    )
    assert.match(stdout, /^sync\.json +mappings\.2 +mapping groovy: .*; it is not in force$/m)
    assert.match(
      stdout,
      /^schedule-toEu\.json +it is held: it would reconcile the mapping toEu, which reads managed\/user and writes to external\/idm\/eu/m,
    )
    assert.match(stdout, /^Left alone, as nothing here reads them: cluster\.json,/m)
  })

  it('prints the same as JSON, and check and the start name the same', async () => {
    const dir = await copyOf('stock-7.5')
    const { status, stdout } = await run('doctor', '--project', dir, '--json')
    assert.equal(status, 1)
    const { notices, unused } = JSON.parse(stdout) as { notices: ReturnType<typeof noticesOf>; unused: string[] }
    assert.ok(unused.includes('repo.jdbc.json') && !unused.includes('managed.json'))
    assert.ok(notices.every(({ file, what, cure }) => file !== '' && what !== '' && cure !== ''))
    const checked = await run('check', '--project', dir)
    for (const { file, what } of notices)
      assert.ok((checked.stdout + checked.stderr).includes(what.split(';')[0] ?? ''), `${file}: ${what}`)
    const remote: FakeIdm = await fakeIdm()
    const { gateway } = await startOn('stock-7.5', false, remote)
    const key = ({ file, key }: { file: string; key: string }) => `${file} ${key}`
    const started = noticesOf(gateway.notices).map(key)
    for (const notice of notices) assert.ok(started.includes(key(notice)), key(notice))
  })

  it('is what the start says once, in one line where nobody reads a table', async () => {
    const dir = await copyOf('cloud')
    const env = { LOG_LEVEL: 'info', OPENIDM_ADMIN_PASSWORD: undefined }
    const started = spawnNode([BIN, 'start', '--project', dir, '--port', '0'], { env })
    await started.line('Listening on ')
    type Line = { level: string; msg: string; notices?: { file: string; cure: string }[] }
    const told = (): Line[] =>
      started.stderr
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as Line)
        .filter(({ notices }) => notices !== undefined)
    await until(() => told().length > 0, 'the log names what is not in force')
    await started.kill()
    assert.equal(told().length, 1)
    const [{ msg, notices } = { msg: '', notices: [] }] = told()
    assert.match(msg, /^not in force: \d+ parts of the files in conf\/$/)
    assert.ok(notices?.some(({ file, cure }) => file === 'router.json' && cure !== ''))
  })

  it('is content with a project in which everything is in force', async () => {
    const dir = await tempDirWith({ 'conf/sync.json': { mappings: [] } })
    assert.deepEqual(await run('doctor', '--project', dir), {
      status: 0,
      stdout: 'Everything that this gateway reads is in force.\n',
      stderr: '',
    })
    assert.equal((await run('doctor')).status, 2)
    assert.equal((await run('doctor', '--project', join(dir, 'none'))).status, 1)
  })

  it('fits a terminal', () => {
    const [notice] = noticesOf([
      { file: 'a.json', pointer: ['b', '0'], reason: 'word '.repeat(30).trim(), consequence: 'it is not in force' },
    ])
    const lines = noticeTable([notice ?? assert.fail()], 60).split('\n')
    assert.ok(lines.every((line) => line.length <= 60))
    assert.equal(lines.at(-2), '  do: correct it, or take it out')
  })
})
