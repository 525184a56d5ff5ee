import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { tempDir, writeFiles } from '../helpers/files.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { directoriesOf, instanceOf } from '../projects/projects.ts'
import { BIN } from './shell.ts'

const exec = promisify(execFile)

describe('bringing files of an IDM', function () {
  this.timeout(60_000)

  it('runs the commands of the page, which print what the page shows', async () => {
    const remote = await fakeIdm()
    remote.seed('managed/user', [])
    const cwd = await tempDir()
    for (const from of directoriesOf('stock-7.0', false)) await cp(from, join(cwd, 'idm'), { recursive: true })
    await writeFiles(join(cwd, 'idm/conf'), { 'external.idm-eu.json': instanceOf(remote) })
    const outputs: string[] = []
    for (const { text } of blocksFor('bring')) {
      const script = text.replaceAll('npm run --silent cli --', `"${process.execPath}" "${BIN}"`)
      const env = { ...process.env, OPENIDM_ADMIN_PASSWORD: undefined, LOG_LEVEL: 'error' }
      // The status of doctor is 1: the files have faults.
      const { stdout, stderr } = await exec('bash', ['-c', script], { cwd, env }).catch((error) => error)
      outputs.push(stdout)
      assert.doesNotMatch(stderr, /openidm-external-idm: /)
    }
    const [table = '', accepted = '', links = ''] = outputs
    for (const { text } of blocksFor('rows'))
      for (const line of text.trimEnd().split('\n')) assert.ok(table.split('\n').includes(line), `${line}\n${table}`)
    assert.match(accepted, /toEu/)
    assert.match(accepted, /Accepted: the schedules beat, toEu; the mappings groovy\n$/)
    assert.match(links, /^toEu: 2 would be added, 0 unchanged\ntoEu: 2 added, 0 unchanged\n[\s\S]*^toEu +2 +toEu$/m)
    assert.equal(remote.writes.length, 0)
  })
})
