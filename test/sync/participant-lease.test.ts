import assert from 'node:assert/strict'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import type { RunParticipants } from '../../lib/repo/runs/run-participants.ts'
import { type GuardedServices, Lease } from '../../lib/sync/share/lease.ts'

describe('the lease of a participant', () => {
  it('lets it read, and neither write nor run scripts, once it is over', async () => {
    const participants = { renew: async () => true, end: async () => undefined } as unknown as RunParticipants
    const lease = await Lease.take(participants, 1)
    const router = new ResourceRouter()
    router.add('a', new MemoryCollection())
    const done: string[] = []
    const given: GuardedServices = {
      connection: connect(router, {}),
      scripts: {
        runMany: async () => {
          done.push('script')
          return []
        },
      },
      replay: async () => done.push('recorded write'),
    }
    const { connection, scripts, replay } = lease.guard(given)
    const write = () => replay({ method: 'create', path: 'a' })
    const run = () => scripts.runMany({ script: {} as Parameters<typeof scripts.runMany>[0]['script'], calls: [] })
    await connection.create('a', 'x', {})
    await run()
    await write()
    await lease.end()
    for (const call of [() => connection.create('a', 'y', {}), () => connection.delete('a/x', null), run, write])
      await assert.rejects(call, { message: 'This node no longer takes part in the reconciliation' })
    assert.equal((await connection.read('a/x'))?._id, 'x')
    assert.deepEqual(done, ['script', 'recorded write'])
  })
})
