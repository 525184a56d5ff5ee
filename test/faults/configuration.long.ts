import assert from 'node:assert/strict'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basic, fileName, startApp } from '../security/app.ts'
import { startTraffic } from '../security/traffic.ts'
import { assertNothingLeft, leavesNothing, toldBy } from './fault.ts'

describe('faults of the conf directory, with callers who notice nothing', () => {
  leavesNothing()

  const GONE: readonly [title: string, remove: (dir: string) => Promise<unknown>, message: string][] = [
    ['removed', (dir) => rm(dir, { recursive: true }), 'does not exist; the last valid version stays in force'],
    [
      'replaced by a file',
      async (dir) => {
        await rename(dir, `${dir}.old`)
        await writeFile(dir, 'no directory')
      },
      'is not a directory; the last valid version stays in force',
    ],
    [
      'replaced by a link to itself',
      async (dir) => {
        await rename(dir, `${dir}.old`)
        await symlink(dir, dir)
      },
      'cannot be read: ELOOP',
    ],
  ]
  for (const [title, remove, message] of GONE) {
    it(`${title}, and made again`, async () => {
      const remote = await startRemote()
      const app = await startApp({ eu: basic(remote) })
      const traffic = startTraffic(app, ['eu/x'], 4)
      await remove(app.confDir)
      await until(() => app.log.messages('error').length > 0)
      const seen = traffic.answers
      await until(() => traffic.answers > seen + 20, 'requests are answered as before')
      await rm(app.confDir, { recursive: true, force: true })
      await mkdir(app.confDir)
      for (const name of ['eu', 'us']) {
        await writeFile(join(app.confDir, fileName(name)), JSON.stringify(basic(remote)))
      }
      await until(async () => (await app.call('us/x')).status === 200, 'what is new is in force')
      await traffic.stop()
      assert.deepEqual(traffic.failures, [])
      // On a busy machine the watcher is in the middle of a look, and says that it will look by the clock.
      const faults = toldBy(app).filter((line) => !line.startsWith('cannot watch'))
      assert.equal(faults.filter((line) => line.includes(message)).length, 1, faults.join('\n'))
      // Before it is made again, it is gone for a moment.
      assert.ok(
        faults.every((line) => line.includes(message) || line.includes('does not exist')),
        faults.join('\n'),
      )
      assert.ok(app.log.messages('info').some((line) => line.endsWith('is readable again')))
      await assertNothingLeft(app, [remote])
    })
  }

  it('a file that can not be read keeps its instance in force, and is named once', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote), us: basic(remote) })
    await rm(app.fileOf('eu'))
    await mkdir(app.fileOf('eu'))
    await until(() => app.status('eu')?.state === 'OUTDATED')
    for (const name of ['eu', 'us']) assert.equal((await app.call(`${name}/x`)).status, 200)
    assert.equal(app.log.messages('error').length, 1)
    await rm(app.fileOf('eu'), { recursive: true })
    await app.configure('eu', basic(remote, { userName: 'new' }))
    assert.equal((await app.call('eu/x')).status, 200)
    assert.equal(app.status('eu')?.state, 'READY')
    await assertNothingLeft(app, [remote])
  })
})
