import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { JsonObject } from '../../../lib/contract.ts'
import type { ObjectStore } from '../../../lib/repo/objects/object-store.ts'
import { pagesOf, queryOf } from '../queries.ts'

export const PAGE = 1000
const MAX_GROWTH = 20 * 2 ** 20

/** What `describeManyObjects` expects of each; of the rest, `description` has no "y". */
export const manyUser = (index: number) => ({
  userName: `user${index}`,
  sn: `Name${(index * 7919) % 500}`,
  rank: index % 1000,
})

type User = ReturnType<typeof manyUser>

const TOTALS: [filter: string, isIn: (user: User) => boolean][] = [
  ['true', () => true],
  ['userName sw "USER1"', ({ userName }) => userName.startsWith('user1')],
  ['userName eq "user77"', ({ userName }) => userName === 'user77'],
  ['sn eq "name3" and rank lt 500', ({ sn, rank }) => sn === 'Name3' && rank < 500],
  ['rank eq 5', ({ rank }) => rank === 5],
  ['!(rank lt 990)', ({ rank }) => rank >= 990],
  ['description co "y"', () => false],
]

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is in use, without what only waits to be collected. */
function heapInUse(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** Called in a `describe`: the store has `count` objects `id-INDEX`, each a `manyUser` with a description. */
export function describeManyObjects(count: number, store: () => ObjectStore): void {
  for (const sortKeys of ['_id', '-sn', 'sn,-userName'])
    it(`page through, sorted by ${sortKeys}, each once and in little memory`, async () => {
      const seen = new Uint8Array(count)
      let total = 0
      const base = heapInUse()
      let growth = 0
      let pages = 0
      for await (const { result } of pagesOf(store(), queryOf({ _sortKeys: sortKeys, _pageSize: PAGE }))) {
        for (const { id } of result) {
          const index = Number(id.replace('id-', ''))
          assert.equal(seen[index], 0, id)
          seen[index] = 1
        }
        total += result.length
        pages += 1
        if (pages % 4 === 0) growth = Math.max(growth, heapInUse() - base)
      }
      assert.equal(total, count)
      assert.ok(growth < MAX_GROWTH, `the heap grew by ${Math.round(growth / 2 ** 20)} MB`)
    })

  for (const [filter, isIn] of TOTALS)
    it(`are counted exactly: ${filter}`, async () => {
      let total = 0
      for (let index = 0; index < count; index++) if (isIn(manyUser(index))) total += 1
      const query = queryOf({ _queryFilter: filter, _pageSize: 2, _totalPagedResultsPolicy: 'EXACT' })
      const answer = await store().query(query)
      assert.deepEqual([answer.totalPagedResults, answer.result.length], [total, Math.min(total, 2)])
    })
}

/** Its text in a database. */
export const manyContent = (index: number, description: string): JsonObject => ({ ...manyUser(index), description })
