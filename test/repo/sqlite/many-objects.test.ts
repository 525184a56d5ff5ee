import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { JsonObject } from '../../../lib/contract.ts'
import type { ObjectStore } from '../../../lib/repo/objects/object-store.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { tempDir } from '../../helpers/files.ts'
import { pagesOf, queryOf } from '../queries.ts'
import { tempRepository } from '../repositories.ts'

const COUNT = 20_000
const PAGE = 1000
/** All of them hold 80 MB of text. */
const FILLING = 'x'.repeat(4000)
const MAX_GROWTH = 20 * 2 ** 20

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is in use, without what only waits to be collected. */
function heapInUse(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const user = (index: number): JsonObject => ({
  userName: `user${index}`,
  sn: `Name${(index * 7919) % 500}`,
  rank: index % 1000,
  description: FILLING,
})

/** In one transaction, and behind the back of the repository: it has to index what it finds. */
function fill(file: string): void {
  const database = new DatabaseSync(file)
  const insert = database.prepare(`insert into object (type, id, revision, content) values ('managed/user', ?, '0', ?)`)
  database.exec('begin')
  for (let index = 0; index < COUNT; index++) insert.run(`id-${index}`, JSON.stringify(user(index)))
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

  for (const sortKeys of ['_id', '-sn', 'sn,-userName'])
    it(`page through, sorted by ${sortKeys}, each once and in little memory`, async () => {
      const seen = new Set<string>()
      const base = heapInUse()
      let peak = base
      for await (const { result } of pagesOf(store, queryOf({ _sortKeys: sortKeys, _pageSize: PAGE }))) {
        for (const { id } of result) seen.add(id)
        if (seen.size % (4 * PAGE) === 0) peak = Math.max(peak, heapInUse())
      }
      assert.equal(seen.size, COUNT)
      assert.ok(peak - base < MAX_GROWTH, `the heap grew by ${Math.round((peak - base) / 2 ** 20)} MB`)
    })

  const totals: [filter: string, total: number][] = [
    ['true', COUNT],
    ['userName sw "USER1"', 11_111],
    ['userName eq "user77"', 1],
    ['sn eq "name3" and rank lt 500', 20],
    ['rank eq 5', 20],
    ['!(rank lt 990)', 200],
    ['description co "y"', 0],
  ]
  for (const [filter, total] of totals)
    it(`are counted exactly: ${filter}`, async () => {
      const query = queryOf({ _queryFilter: filter, _pageSize: 2, _totalPagedResultsPolicy: 'EXACT' })
      const answer = await store.query(query)
      assert.deepEqual([answer.totalPagedResults, answer.result.length], [total, Math.min(total, 2)])
    })

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
