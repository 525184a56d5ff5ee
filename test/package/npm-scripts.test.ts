import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { held, reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir, tempDirWith } from '../helpers/files.ts'
import { ADMIN, PASSWORD } from '../helpers/gateway-process.ts'
import { request } from '../helpers/http.ts'
import { NodeProcess } from '../helpers/process.ts'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basic } from '../security/app.ts'

const REPOSITORY = join(import.meta.dirname, '../..')

/** Runs a script of package.json by npm, in a directory that looks like the checkout, in a process group of its own. */
async function runScript(...args: readonly string[]): Promise<NodeProcess> {
  const cwd = await tempDir()
  for (const name of ['package.json', 'plugin.json', 'lib', 'examples', 'node_modules'])
    await symlink(join(REPOSITORY, name), join(cwd, name))
  const env = { ...process.env, PORT: '0', HTTPS_PORT: '0', LOG_LEVEL: 'info', OPENIDM_ADMIN_PASSWORD: PASSWORD }
  const child = spawn('npm', ['run', ...args], { cwd, env, detached: true })
  const started = new NodeProcess(child)
  onCleanUp(() => {
    if (isAlive(child.pid)) signalGroup(started, 'SIGKILL')
  })
  return started
}

/** What a terminal does at Ctrl-C. */
const signalGroup = ({ child: { pid = 0 } }: NodeProcess, signal: NodeJS.Signals): boolean => process.kill(-pid, signal)

/** Whether any process of the group is left. */
function isAlive(pid = 0): boolean {
  try {
    return process.kill(-pid, 0)
  } catch {
    return false
  }
}

describe('npm scripts that serve', () => {
  before(function () {
    if (process.platform === 'win32') this.skip()
  })

  for (const [script, ...args] of [['start'], ['gateway', '--', '--port', '0', '--project', '.']])
    it(`SIGTERM to npm ends ${script}, and leaves no process`, async () => {
      const started = await runScript(script ?? '', ...args)
      await started.line('Listening on ')
      if (script === 'start') await started.line('Ctrl-C ends the demo')
      assert.equal((await started.kill()).code, 0, started.output)
      assert.match(started.output, /"msg":"stopped"/)
      assert.equal(isAlive(started.child.pid), false)
    })

  it('Ctrl-C lets the requests under way finish, though npm passes the signal on a second time', async () => {
    const remote = await startRemote()
    const project = await tempDirWith({ 'conf/external.idm-eu.json': basic(remote) })
    const started = await runScript('gateway', '--', '--port', '0', '--project', project)
    const url = (await started.line('Listening on ')).replace('Listening on ', '')
    const hold = held(reply({ body: { late: true } }))
    remote.answer(hold)
    const answer = request(`${url}/external/idm/eu/x`, { headers: ADMIN })
    await until(() => hold.waiting === 1)
    signalGroup(started, 'SIGINT')
    await started.line('stopping')
    hold.release()
    assert.deepEqual((await answer).json, { late: true })
    assert.equal((await started.exited).code, 0, started.output)
  })
})
