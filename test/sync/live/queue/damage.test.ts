import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onCleanUp } from '../../../helpers/clean-up.ts'
import { until } from '../../../helpers/until.ts'
import { QueueStage, queuedMapping } from './queue-stage.ts'

describe('a queue that something happens to', () => {
  const started = async (): Promise<{ stage: QueueStage; database: DatabaseSync }> => {
    const stage = await QueueStage.start()
    const database = new DatabaseSync(join(stage.gateway.project.dir, 'db/openidm.db'))
    onCleanUp(() => database.close())
    await stage.post('/sync/queue?_action=pause&mapping=m')
    return { stage, database }
  }

  it('carries over changes that cannot be read, by the present state, and those beside them', async () => {
    const { stage, database } = await started()
    for (const id of ['a', 'b', 'c', 'd']) await stage.put(id, 'x')
    const damage = (column: string, value: unknown, id: string) =>
      database.prepare(`update sync_event set ${column} = ? where resource = ?`).run(value as string, id)
    damage('new_object', Buffer.from('garbage that is no sealed value, and long enough to be one') as never, 'a')
    damage('chain', '["broken', 'b')
    damage('intents', '{"broken', 'c')
    assert.equal((await stage.events()).length, 4)
    await stage.post('/sync/queue?_action=release&mapping=m')
    await stage.drained()
    assert.deepEqual([await stage.targets(), await stage.letters()], [{ a: 'x', b: 'x', c: 'x', d: 'x' }, []])
  })

  it('keeps the changes of a mapping that is taken away, and goes on when it is back', async () => {
    const { stage } = await started()
    for (const id of ['a', 'b']) await stage.put(id, 'x')
    const configure = (mappings: unknown[]) => stage.call('/config/sync', { method: 'PUT', json: { mappings } })
    await configure([])
    await stage.post('/sync/queue?_action=release&mapping=m')
    assert.deepEqual([(await stage.queue()).condition, (await stage.queue()).waiting], ['absent', 2])
    await configure([queuedMapping()])
    await stage.drained()
    assert.deepEqual(await stage.targets(), { a: 'x', b: 'x' })
  })

  it('takes a mapping away while its changes are carried over', async () => {
    const stage = await QueueStage.start({ mapping: { taskThreads: 2 } })
    for (let index = 0; index < 40; index++) await stage.put(`u${index}`, 'x')
    const configure = (mappings: unknown[]) => stage.call('/config/sync', { method: 'PUT', json: { mappings } })
    await configure([])
    for (let index = 0; index < 3; index++) {
      await configure([queuedMapping()])
      await configure([])
    }
    await configure([queuedMapping()])
    await stage.drained()
    assert.deepEqual([Object.keys(await stage.targets()).length, await stage.letters()], [40, []])
  })

  it('carries several deletions and creations of the same id over in order', async () => {
    const { stage } = await started()
    for (const value of ['1', '2', '3']) {
      await stage.put('a', value)
      await stage.remove('a')
    }
    await stage.put('a', '4')
    assert.deepEqual(
      (await stage.events()).map(({ syncAction }) => String(syncAction).replace('notify', '')),
      ['Create', 'Delete', 'Create', 'Delete', 'Create', 'Delete', 'Create'],
    )
    await stage.post('/sync/queue?_action=release&mapping=m')
    await stage.drained()
    assert.deepEqual([await stage.targets(), await stage.letters()], [{ a: '4' }, []])
    assert.equal(stage.writes.filter((line) => line.startsWith('PUT')).length, 1)
    // While they are carried over, too.
    for (let value = 5; value < 25; value++) {
      await stage.remove('a')
      await stage.put('a', String(value))
    }
    await stage.drained()
    assert.deepEqual([await stage.targets(), await stage.letters()], [{ a: '24' }, []])
  })

  it('a queued and a synchronous change of an object do not overtake each other', async () => {
    const { stage } = await started()
    await stage.put('a', '0')
    await stage.post('/sync/queue?_action=release&mapping=m')
    await stage.drained()
    const configure = (enabled: boolean) =>
      stage.call('/config/sync', {
        method: 'PUT',
        json: { mappings: [queuedMapping({ queuedSync: { enabled } })] },
      })
    const sent: number[] = []
    for (let value = 1; value <= 30; value++) {
      await configure(value % 3 !== 0)
      await stage.put('a', String(value))
      const now = Number((await stage.targets()).a)
      sent.push(now)
      // Without a queue it is there when the answer is.
      if (value % 3 === 0) assert.equal(now, value)
    }
    await until(async () => (await stage.targets()).a === '30')
    assert.deepEqual(
      sent,
      [...sent].sort((one, other) => one - other),
    )
  })
})
