import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { exportRepository } from '../../../lib/repo/export/export.ts'
import { openPostgresRepository } from '../../../lib/repo/postgres/repository.ts'
import type { NewEvent } from '../../../lib/repo/queue/event.ts'
import type { Repository } from '../../../lib/repo/repository.ts'
import { newRow } from '../../../lib/repo/runs/run-row.ts'
import { tempDir } from '../../helpers/files.ts'
import { ODD_TEXTS, TEXTS } from '../../repo/arbitraries.ts'
import { queryOf } from '../../repo/queries.ts'
import { KEYS, silent, tempRepository } from '../../repo/repositories.ts'
import { postgresRepository, tempSchema } from './server.ts'

const OBJECTS = 2500

const event = (resourceId: string): NewEvent => ({
  mapping: 'm',
  collection: 'managed/user',
  resourceId,
  action: 'create',
  objectRev: '1',
  oldObject: null,
  newObject: { _id: resourceId, text: ODD_TEXTS.join('') },
  chain: ['a'],
  transactionId: 't',
  userId: null,
})

/** Something in each of the tables. */
async function fill(repository: Repository): Promise<void> {
  const store = await repository.store('managed/user', { indexes: ['text', 'n'] })
  const texts = [...TEXTS, ...ODD_TEXTS]
  for (let start = 0; start < OBJECTS; start += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        store.insert(`u${start + index}`, {
          text: texts[(start + index) % texts.length] ?? '',
          n: JSON.rawJSON(`9007199254740993.${start + index}`) as never,
          '2': 'two',
          '1': [null, true],
        }),
      ),
    )
  await store.remove('u7', null)
  await repository.links().add([{ type: 'm', qualifier: 'default', first: 'a', second: 'b' }])
  const runs = repository.runs()
  const run = { id: 'r', mapping: 'm', state: 'SUCCESS', isAnalysis: false, persists: true, content: { hidden: 'x' } }
  const rows = runs.rows(await runs.insert(run))
  const parts = { phase: 'source', qualifier: 'default', situation: 'ABSENT', action: 'CREATE' } as const
  const failure = { code: 500, message: 'no' }
  await rows.add(
    [
      newRow({ ...parts, sourceId: 'a', reason: 'plain' }),
      newRow({ ...parts, sourceId: 'b', reason: 'sealed', status: 'FAILURE', failure }),
    ],
    true,
  )
  await repository.events().add([event('a'), event('b'), event('gone')])
  const [first] = await repository.events().page({ resourceId: 'gone' }, null, 1)
  await repository.events().drop({ ids: [first?.id ?? ''] })
  await repository.events().setPause('m', { cause: 'hand', reason: 'r', by: 'x', since: '2030-01-01T00:00:00Z' })
  await repository.incremental().settle('m', { watermark: { time: 't', scope: 's' }, failed: ['f'], done: [] }, 10)
  await repository.captures().intend({ events: [], sweeps: ['m'] })
  await repository.sentValues().digestKey()
}

/** What can be seen of it. */
async function shown(repository: Repository) {
  const store = await repository.store('managed/user', { indexes: ['text', 'n'] })
  const sorted = { _sortKeys: 'text,-n', _pageSize: 100, _queryFilter: 'n gt 9007199254740993.3' }
  const runs = await repository.runs().all()
  return {
    all: await store.query(queryOf()),
    some: await store.query(queryOf(sorted)),
    links: await repository.links().after('', 10),
    runs,
    rows: await repository
      .runs()
      .rows(runs[0]?.number ?? 0)
      .after(0, 10),
    events: await repository.events().page({}, null, 10),
    queues: await repository.events().queues(),
    watermark: await repository.incremental().watermark('m'),
    retries: await repository.incremental().retries('m', '', 10),
    digest: Buffer.from(await repository.sentValues().digestKey()),
  }
}

describe('an export to PostgreSQL', () => {
  const filled = async () => {
    const file = join(await tempDir(), 'openidm.db')
    const repository = await tempRepository({ file })
    await fill(repository)
    const before = await shown(repository)
    await repository.close()
    return { file, before }
  }

  it('that was interrupted goes on, and has all as it was', async () => {
    const [{ file, before }, target] = [await filled(), await tempSchema()]
    const abort = new AbortController()
    const onProgress = (rows: number) => {
      if (rows > 3000) abort.abort()
    }
    await assert.rejects(exportRepository({ file, target, onProgress, signal: abort.signal }), { name: 'AbortError' })
    await assert.rejects(
      openPostgresRepository({ ...target, log: silent, keys: KEYS }),
      /an export into it has not ended/,
    )
    let last = [0, 0]
    const report = (...progress: [number, number]) => {
      last = progress
    }
    const { counts, wasResumed } = await exportRepository({ file, target, onProgress: report })
    assert.ok(wasResumed)
    assert.equal(last[0], last[1])
    assert.deepEqual([counts.get('object'), counts.get('run_row'), counts.get('sync_event')], [OBJECTS - 1, 2, 2])
    const repository = await postgresRepository(target)
    assert.deepEqual(await shown(repository), before)
    await repository.events().add([event('later')])
    const ids = (await repository.events().page({}, null, 10)).map(({ id }) => Number(id))
    assert.deepEqual(ids, [1, 2, 4], 'no number is given out twice')
  })

  it('says what differs when the file was changed since', async () => {
    const [{ file }, target] = [await filled(), await tempSchema()]
    const abort = new AbortController()
    const onProgress = (rows: number) => {
      if (rows > 3000) abort.abort()
    }
    await assert.rejects(exportRepository({ file, target, onProgress, signal: abort.signal }))
    const database = new DatabaseSync(file)
    database.exec(`update object set revision = 'x' where id = 'u3'`)
    database.close()
    const again = exportRepository({ file, target, onProgress: () => undefined })
    await assert.rejects(again, /table object differs from the file/)
    await assert.rejects(
      openPostgresRepository({ ...target, log: silent, keys: KEYS }),
      /an export into it has not ended/,
    )
  })

  it('is refused where there are rows already', async () => {
    const [{ file }, target] = [await filled(), await tempSchema()]
    const repository = await postgresRepository(target)
    await (await repository.store('managed/user')).insert('x', {})
    await repository.close()
    await assert.rejects(exportRepository({ file, target, onProgress: () => undefined }), /its table object has rows/)
  })
})
