import assert from 'node:assert/strict'
import { lockNumber } from '../../../lib/repo/postgres/lock-number.ts'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { idsOf } from '../../repo/queries.ts'
import { postgresRepository, tempSchema } from './server.ts'

describe('a write and a new index on PostgreSQL', () => {
  async function stage() {
    const place = await tempSchema()
    const repository = await postgresRepository(place)
    const store = await repository.store('t')
    const other = createClient(place)
    await other.connect()
    onCleanUp(() => other.end())
    const number = lockNumber(place.schema, 'indexes/t')
    const isWaitedFor = async () => {
      const text = 'select 1 from pg_locks where locktype = $1 and not granted and pid <> pg_backend_pid()'
      return (await other.query(text, ['advisory'])).rows.length > 0
    }
    return { repository, store, other, number, isWaitedFor }
  }

  it('that is declared waits for the writes under way: the index has their values', async () => {
    const { repository, store, other, number, isWaitedFor } = await stage()
    await other.query(`begin; select pg_advisory_xact_lock_shared(${number});
      insert into object (type, id, revision, content) values ('t', 'a', '1', '{"x":7}')`)
    const declared = repository.store('t', { indexes: ['x'] })
    await until(isWaitedFor)
    await other.query('commit')
    await declared
    assert.deepEqual(await idsOf(store, { _queryFilter: 'x eq 7' }), ['a'])
  })

  it('that begins while one is declared waits for that, and knows it', async () => {
    const { store, other, number, isWaitedFor } = await stage()
    await other.query(`begin; select pg_advisory_xact_lock(${number});
      insert into indexed_property (type, property, version) select 't', '/x', version from indexed_property`)
    const written = store.insert('a', { x: 7 })
    await until(isWaitedFor)
    await other.query('commit')
    await written
    assert.deepEqual(await idsOf(store, { _queryFilter: 'x eq 7' }), ['a'])
  })
})
