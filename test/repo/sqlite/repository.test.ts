import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { openRepository } from '../../../lib/repo/open.ts'
import { DatabaseFile } from '../../../lib/repo/sqlite/database/database-file.ts'
import { MIGRATIONS } from '../../../lib/repo/sqlite/database/migration-steps.ts'
import { LAYOUT, type Migration, migrate } from '../../../lib/repo/sqlite/database/migrations.ts'
import { SqliteFile } from '../../../lib/repo/sqlite/database/sqlite-file.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDir } from '../../helpers/files.ts'
import { idsOf } from '../queries.ts'
import { silent, tempRepository } from '../repositories.ts'

/** Looks into the file as any other tool would. */
function look<T>(file: string, statement: string): T[] {
  const database = new DatabaseSync(file)
  try {
    return database.prepare(statement).all() as T[]
  } finally {
    database.close()
  }
}

describe('a repository', () => {
  it('makes its file with its folder, for its owner only, and finds all again', async () => {
    const file = join(await tempDir(), 'a', 'b', 'repo.db')
    const repository = await tempRepository({ file })
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const stored = await (await repository.store('managed/user')).insert('bo', { x: 1 })
    await repository.close()
    const again = await tempRepository({ file })
    assert.deepEqual(await (await again.store('managed/user')).get('bo'), stored)
  })

  it('closes once what is under way has been written; later calls fail', async () => {
    const repository = await tempRepository()
    const store = await repository.store('managed/user')
    const write = store.insert('bo', {})
    await Promise.all([repository.close(), repository.close()])
    assert.equal((await write).id, 'bo')
    await assert.rejects(store.get('bo'))
  })

  it('writes ahead, so that readers and a backup do not wait for it', async () => {
    const file = join(await tempDir(), 'repo.db')
    await tempRepository({ file })
    assert.equal(look<{ journal_mode: string }>(file, 'pragma journal_mode')[0]?.journal_mode, 'wal')
  })

  const unusable: [what: string, content: string][] = [
    ['no database', 'x'.repeat(5000)],
    ['half a header', 'SQLite format 3'],
  ]
  for (const [what, content] of unusable)
    it(`says which file is ${what}`, async () => {
      const file = join(await tempDir(), 'repo.db')
      await writeFile(file, content)
      await assert.rejects(openRepository({ file, log: silent }), (error: Error) =>
        error.message.startsWith(`The repository ${file} cannot be opened: `),
      )
    })

  it('refuses tables of a newer release', async () => {
    const file = join(await tempDir(), 'repo.db')
    await (await tempRepository({ file })).close()
    look(file, 'insert into schema_version (version) values (99) returning version')
    await assert.rejects(openRepository({ file, log: silent }), /its tables have version 99, made by a newer release/)
  })

  it('prints no warning of its database', async () => {
    const file = join(await tempDir(), 'repo.db')
    const program = `
      const { openRepository } = await import(${JSON.stringify(new URL('../../../lib/repo/open.ts', import.meta.url).href)})
      const log = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
      await (await openRepository({ file: ${JSON.stringify(file)}, log })).close()`
    const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
    assert.equal(stderr, '')
  })
})

describe('a migration', () => {
  const first: Migration = (session) => void session.run('create table first (x integer)')
  const broken: Migration = (session) => {
    session.run('create table second (x integer)')
    throw new Error('the power went')
  }
  const second: Migration = (session) => void session.run('create table second (x integer)')

  it('is counted', () => assert.equal(MIGRATIONS.length, LAYOUT))

  it('that does not come to its end has not happened, and is done the next time', async () => {
    const file = join(await tempDir(), 'repo.db')
    const database = new SqliteFile(new DatabaseFile(file), () => undefined)
    onCleanUp(() => database.close())
    await assert.rejects(migrate(database, [first, broken]), /the power went/)
    const tables = () => look<{ name: string }>(file, `select name from sqlite_schema where type = 'table' order by 1`)
    assert.deepEqual(
      tables().map(({ name }) => name),
      ['first', 'schema_version'],
    )
    await migrate(database, [first, second])
    await migrate(database, [first, second])
    assert.deepEqual(
      tables().map(({ name }) => name),
      ['first', 'schema_version', 'second'],
    )
  })
})

describe('the indexes of a type', () => {
  const values = (file: string): string[] =>
    look<{ value: string }>(
      file,
      `select i.property || ' ' || v.order_key as value
       from property_value v join indexed_property i on i.key = v.property order by 1`,
    ).map(({ value }) => value)

  it('follow what is asked for: built from what is there, dropped when no longer wanted', async () => {
    const file = join(await tempDir(), 'repo.db')
    const repository = await tempRepository({ file })
    const store = await repository.store('t')
    await store.insert('A', { x: ['P', 'q'], y: 1 })
    assert.deepEqual(values(file), ['/_id 2a'])
    await repository.store('t', { indexes: ['x', 'y/z'] })
    assert.deepEqual(values(file), ['/_id 2a', '/x 2p', '/x 2q', '/y/z ~'])
    await repository.store('t', { indexes: ['x'] })
    await store.replace('A', null, { x: 'r' })
    assert.deepEqual(values(file), ['/_id 2a', '/x 2r'])
    await store.remove('A', null)
    assert.deepEqual(values(file), [])
  })

  it('are built anew when a build was interrupted or other rules made them', async () => {
    const file = join(await tempDir(), 'repo.db')
    const repository = await tempRepository({ file })
    const store = await repository.store('t', { indexes: ['x'] })
    await store.insert('a', { x: 'p' })
    for (const version of ['null', "'0/3.0'"]) {
      look(file, `update property_value set order_key = '2stale' where order_key = '2p' returning 1`)
      look(file, `update indexed_property set version = ${version} returning 1`)
      assert.deepEqual(await idsOf(store, { _queryFilter: 'x eq "p"' }), ['a'])
      await repository.store('t', { indexes: ['x'] })
      assert.deepEqual(values(file), ['/_id 2a', '/x 2p'])
    }
  })
})
