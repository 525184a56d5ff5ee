import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseFile } from '../../../lib/repo/sqlite/database/database-file.ts'
import type { Session } from '../../../lib/repo/sqlite/database/session.ts'
import { SqliteFile } from '../../../lib/repo/sqlite/database/sqlite-file.ts'
import { WriteQueue } from '../../../lib/repo/sqlite/database/write-queue.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDir } from '../../helpers/files.ts'

const insert = (value: number) => (session: Session) => session.run('insert into t (x) values (?)', [value])

describe('writes that wait together', () => {
  let database: SqliteFile
  let writes: WriteQueue

  beforeEach(async () => {
    database = new SqliteFile(new DatabaseFile(join(await tempDir(), 'repo.db')), () => undefined)
    onCleanUp(() => database.close())
    database.run('create table t (x integer primary key)')
    writes = new WriteQueue(database, 1000)
  })

  const rows = () => database.all<{ x: number }>('select x from t').map(({ x }) => x)

  it('are done in their order, and one that fails takes back its own work only', async () => {
    const outcomes = await Promise.allSettled([
      writes.run(insert(1)),
      writes.run(insert(2)),
      writes.run((session) => {
        insert(3)(session)
        throw new Error('no')
      }),
      writes.run(insert(2)),
      writes.run(insert(4), { isDurable: false }),
      writes.run(insert(5)),
    ])
    const statuses = ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled']
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      statuses,
    )
    assert.deepEqual(rows(), [1, 2, 4, 5])
  })

  it('are each tried again alone when one has ended the transaction of all', async () => {
    const outcomes = await Promise.allSettled([
      writes.run(insert(0)),
      writes.run(insert(1)),
      writes.run((session) => {
        insert(2)(session)
        session.run('rollback')
        throw new Error('database or disk is full')
      }),
      writes.run(insert(3)),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(rows(), [0, 1, 3])
  })
})
