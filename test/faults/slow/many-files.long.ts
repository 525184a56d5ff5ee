import assert from 'node:assert/strict'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically, writeFiles } from '../../helpers/files.ts'
import { assertSince } from '../../helpers/patience.ts'
import { startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basic, fileName, startApp } from '../../security/app.ts'
import { assertNothingLeft, toldBy } from '../fault.ts'

const FILES = 5000

describe('a conf directory with 5,000 files', () => {
  it('is taken into force, followed, lost and found again', async () => {
    const remote = await startRemote()
    const name = (n: number) => `i${n}`
    const instances = Object.fromEntries(Array.from({ length: FILES }, (_, n) => [name(n), basic(remote)]))
    const begin = performance.now()
    const app = await startApp(instances)
    assertSince(begin, 30_000, 'started')
    assert.equal(app.idm.instances().length, FILES)
    const changed = performance.now()
    await app.configure(name(4711), basic(remote, { userName: 'new' }))
    assertSince(changed, 2000, 'an edit is in force')
    await rename(app.confDir, `${app.confDir}.old`)
    await until(() => app.log.messages('error').length === 1)
    assert.equal((await app.call(`${name(4999)}/x`)).status, 200, 'what is in force stays')
    await mkdir(app.confDir)
    await writeFiles(app.confDir, { [fileName('only')]: basic(remote) })
    await until(() => app.idm.instances().length === 1, 'what is there now is in force')
    assert.equal((await app.call('only/x')).status, 200)
    await writeAtomically(join(app.confDir, fileName('only')), basic(remote, { userName: 'new' }))
    assert.equal(toldBy(app).length, 1)
    await assertNothingLeft(app, [remote])
  })
})
