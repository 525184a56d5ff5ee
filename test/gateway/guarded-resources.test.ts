import assert from 'node:assert/strict'
import { instant } from '../../lib/core/time/lease-clock.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { connect, registryOf } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { guardedResources, guardedScripts } from '../../lib/gateway/cluster/guarded-resources.ts'
import { HeldLease } from '../../lib/gateway/cluster/held-lease.ts'
import { ScriptEngine } from '../../lib/script/main/engine.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { memoryLog } from '../helpers/log.ts'

const ENDED = { code: 503, message: 'This node no longer runs reconciliations and schedules' }

describe('what the leader uses', () => {
  it('serves until its lease ends: then no request begins', async () => {
    const router = new ResourceRouter()
    router.add('managed/user', new MemoryCollection())
    const lease = new HeldLease(1, instant())
    const connection = guardedResources(registryOf(router), lease).connect()
    await connection.create('managed/user', 'a', {})
    const all = connection.queryAll('managed/user', { _queryFilter: 'true' })
    assert.equal((await all.next()).value?._id, 'a')
    lease.end()
    await assert.rejects(connection.create('managed/user', 'b', {}), ENDED)
    await assert.rejects(connection.query('managed/user', { _queryFilter: 'true' }), ENDED)
    assert.equal(await registryOf(router).connect().read('managed/user/b'), null)
  })

  it('runs scripts until its lease ends: then none starts', async () => {
    const router = new ResourceRouter()
    const engine = new ScriptEngine({ connect: () => connect(router, {}), log: memoryLog() })
    onCleanUp(() => engine.dispose())
    const lease = new HeldLease(1, instant())
    const scripts = guardedScripts(engine, lease)
    const script = await scripts.compile({ type: 'text/javascript', source: '1 + 1' })
    assert.equal(await scripts.run(script, {}), 2)
    lease.end()
    await assert.rejects(scripts.run(script, {}), ENDED)
  })
})
