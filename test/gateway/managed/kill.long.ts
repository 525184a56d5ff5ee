import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { connect } from '../../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../../lib/crest/protocol/router.ts'
import { managedObjects } from '../../../lib/gateway/managed/managed.ts'
import { tempDir } from '../../helpers/files.ts'
import { spawnNode } from '../../helpers/process.ts'
import { until } from '../../helpers/until.ts'
import { silent, tempRepository } from '../../repo/repositories.ts'
import { fixedConfiguration } from './fixed-configuration.ts'
import { fixedKeys } from './keys.ts'
import { WrittenUsers } from './written-users.ts'

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url))
const WRITES = 1000

/** Lets a writer get on for a while, then kills it in the middle of whatever it does. */
async function writeUntilKilled(file: string, run: number): Promise<string> {
  const writer = spawnNode([WRITER, file, String(run)])
  const enough = 10_000 + Math.random() * 50_000
  const done = () => writer.stdout.length > enough || writer.child.exitCode !== null
  await until(done, `the writer has written ${enough} bytes`)
  await writer.kill('SIGKILL')
  assert.equal(writer.stderr, '')
  return writer.stdout
}

describe('managed objects, when the process is killed', () => {
  it('loses nothing that was acknowledged', async () => {
    const file = join(await tempDir(), 'db', 'repo.db')
    const written = new WrittenUsers()
    for (let run = 0; written.acknowledged < WRITES; run++) written.add(await writeUntilKilled(file, run))

    const repository = await tempRepository({ file })
    const router = new ResourceRouter()
    await managedObjects({ router, repository, configuration: fixedConfiguration(), keys: fixedKeys(), log: silent })
    const openidm = connect(router, {})
    written.check(await Array.fromAsync(openidm.queryAll('managed/user', { _queryFilter: 'true' })))
    written.check(
      await Array.fromAsync(openidm.queryAll('managed/user', { _queryFilter: 'userName sw "0" or sn sw ""' })),
    )
    const database = new DatabaseSync(file, { readOnly: true })
    assert.deepEqual(Object.values(database.prepare('pragma integrity_check').get() ?? {}), ['ok'])
    database.close()
  })
})
