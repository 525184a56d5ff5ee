import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { watchDirectory } from '../../lib/config/files/watcher.ts'
import { externalIdm } from '../../lib/index.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith, writeAtomically } from '../helpers/files.ts'
import { memoryLog } from '../helpers/log.ts'
import { testPki } from '../helpers/pki.ts'
import { spawnNode } from '../helpers/process.ts'
import { startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basic, startApp } from './app.ts'

const LIFECYCLE = join(import.meta.dirname, '../serial/fixtures/lifecycle.ts')

/** Instances of every kind, their remotes in this process. */
async function writeProject(): Promise<string> {
  const pki = await testPki()
  const remote = await startRemote()
  const secure = await startRemote({ hostName: 'idm.example.com', tls: await pki.server('idm.example.com') })
  const tokens = await startTokenServer()
  const bearer = {
    authType: 'bearer',
    instanceUrl: secure.url,
    clientId: DEFAULT_CLIENT.id,
    clientSecret: DEFAULT_CLIENT.secret,
    tokenEndpoint: tokens.tokenEndpoint,
    tokenEndpointAuthMethod: 'client_secret_post',
  }
  return tempDirWith({
    'security/truststore.pem': pki.ca,
    'conf/external.idm-plain.json': basic(remote),
    'conf/external.idm-secure.json': basic(secure),
    'conf/external.idm-bearer.json': bearer,
  })
}

describe('R10 nothing goes on after close()', () => {
  it('no change of a file is taken in, and none is even looked at', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    await app.idm.close()
    app.log.clear()
    let seen = 0
    const witness = watchDirectory({ dir: app.confDir, log: memoryLog(), onEvent: () => seen++ })
    onCleanUp(() => witness.dispose())
    await until(() => seen > 0, 'the witness watches')
    seen = 0
    await writeAtomically(app.fileOf('us'), basic(remote))
    await unlink(app.fileOf('eu'))
    await until(() => seen > 3, 'the witness has seen it')
    assert.deepEqual([app.idm.instances(), app.log.entries], [[], []])
    assert.equal((await app.call('us/x')).status, 503)
  })

  it('twice is harmless', async () => {
    const app = await startApp({})
    await Promise.all([app.idm.close(), app.idm.close()])
    await app.idm.close()
  })

  it('the process ends by itself, and no handle is left', async () => {
    const child = spawnNode([LIFECYCLE, await writeProject(), 'plain,secure,bearer'])
    assert.equal(await child.line(/^open /), 'open []')
    assert.deepEqual(await child.exited, { code: 0, signal: null }, child.output)
  })

  it('a start that fails leaves nothing either', async () => {
    const script = `
      import { externalIdm } from ${JSON.stringify(join(import.meta.dirname, '../../lib/index.ts'))}
      await externalIdm({ confDir: '/nowhere/conf', authorize: () => true }).catch((error) => console.log(error.message))`
    const child = spawnNode(['--input-type=module', '-e', script])
    assert.match(await child.line(/nowhere/), /\/nowhere\/conf does not exist/)
    assert.deepEqual(await child.exited, { code: 0, signal: null }, child.output)
    await assert.rejects(externalIdm({ confDir: '/nowhere/conf', authorize: () => true }), /does not exist/)
  })
})

describe('R11 without watches left', () => {
  it('it says so, and looks for changes instead', async function () {
    if (!canUnshare()) this.skip()
    const dir = await tempDirWith({ 'conf/other.json': {} })
    const shell = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"'
    const command = ['-Ur', 'sh', '-c', shell, process.execPath, LIFECYCLE, dir, '']
    const { status, stdout, stderr } = spawnSync('unshare', command, { timeout: 60_000, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^in force$/m)
    const warnings = stdout.split('\n').filter((line) => line.startsWith('warn cannot watch'))
    assert.equal(warnings.filter((line) => line.includes('/conf,')).length, 1, stdout)
    assert.match(warnings.join(), /polling every 1000 ms instead: no inotify watches are left/)
  })
})

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-Ur', 'sh', '-c', 'echo 0 > /proc/sys/user/max_inotify_watches'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
