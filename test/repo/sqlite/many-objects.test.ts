import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import type { ObjectStore } from '../../../lib/repo/objects/object-store.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { tempDir } from '../../helpers/files.ts'
import { describeManyObjects, manyContent, PAGE } from '../contract/many-objects.ts'
import { queryOf } from '../queries.ts'
import { tempRepository } from '../repositories.ts'

const COUNT = 20_000
/** All of them hold 80 MB of text. */
const FILLING = 'x'.repeat(4000)

/** In one transaction, and behind the back of the repository: it has to index what it finds. */
function fill(file: string): void {
  const database = new DatabaseSync(file)
  const insert = database.prepare(`insert into object (type, id, revision, content) values ('managed/user', ?, '0', ?)`)
  database.exec('begin')
  for (let index = 0; index < COUNT; index++) insert.run(`id-${index}`, JSON.stringify(manyContent(index, FILLING)))
  database.exec('commit')
  database.close()
}

describe(`${COUNT} objects`, () => {
  ownedBySuite()
  let store: ObjectStore
  before(async () => {
    const file = join(await tempDir(), 'many.db')
    await (await tempRepository({ file })).close()
    fill(file)
    store = await (await tempRepository({ file })).store('managed/user', { indexes: ['sn'], unique: ['userName'] })
  })

  describeManyObjects(COUNT, () => store)

  it('a long query lets others have their turn, and ends when its caller has gone', async () => {
    const caller = new AbortController()
    const query = store.query(queryOf({ _queryFilter: 'description co "y"' }), caller.signal)
    let turns = 0
    const counting = async () => {
      for (; !caller.signal.aborted; turns++) await turn()
    }
    const counted = counting()
    assert.deepEqual((await query).result, [])
    assert.ok(turns >= COUNT / PAGE - 1, `there were ${turns} turns`)
    const other = store.query(queryOf({ _queryFilter: 'description co "y"' }), caller.signal)
    caller.abort()
    await assert.rejects(other, { name: 'AbortError' })
    await counted
  })

  it('a batch of thousands of values is one look at the index', async () => {
    const ids = Array.from({ length: 3000 }, (_, index) => `id-${index * 2}`)
    const filter = { operator: 'in', field: ['_id'], values: ids } as const
    assert.equal((await store.query({ ...queryOf(), queryFilter: filter })).result.length, ids.length)
    const filters = ids.map(
      (value) => ({ operator: 'eq', field: ['userName'], value: value.replace('id-', 'user') }) as const,
    )
    const anyOf = { operator: 'or', filters: [...filters, { operator: 'eq', field: ['_id'], value: 'id-1' }] } as const
    assert.equal((await store.query({ ...queryOf(), queryFilter: anyOf })).result.length, ids.length + 1)
  })
})
