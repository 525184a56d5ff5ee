import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../../lib/contract.ts'
import { SourceLocks } from '../../../lib/sync/context/source-locks.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { js, type LiveStage, mappingTo, person, REMOTE, SOURCE, startLive } from './live-stage.ts'

describe('implicit synchronization at the same time', () => {
  ownedBySuite()
  let stage: LiveStage
  before(async () => {
    stage = await startLive([])
  })
  const query = '/recon?_action=recon&mapping=m&waitForCompletion=true'
  const targets = async (target: string, id: string) => {
    const { result } = await stage.connection.query(target, { _queryFilter: `userName eq "${id}"` })
    return result.map(({ mail }) => mail)
  }

  it('of 200 quick updates the target gets none after a newer one, and the last', async () => {
    await stage.configure([mappingTo(REMOTE)])
    await stage.connection.create(SOURCE, 'q', person('q', { mail: '0@x' }))
    await stage.notify('Create', 'q')
    stage.remote.clearRequests()
    const done: Promise<unknown>[] = []
    for (let count = 1; count <= 200; count++) {
      await stage.connection.update(`${SOURCE}/q`, null, person('q', { mail: `${count}@x` }))
      done.push(stage.notify('Update', 'q'))
      if (count % 20 === 0) await done.at(-20)
    }
    await Promise.all(done)
    assert.deepEqual(await targets(REMOTE, 'q'), ['200@x'])
    const sent = stage.remote.writes.map(({ body }) => Number(/(\d+)@x/.exec(JSON.stringify(body))?.[1]))
    assert.ok(sent.length > 1 && sent.every((mail, index) => index === 0 || mail > (sent[index - 1] ?? 0)), sent.join())
  })

  it('creations of one source at once lead to one target', async () => {
    await stage.configure([mappingTo(REMOTE, { correlationQuery: [] })])
    await stage.connection.create(SOURCE, 'c', person('c'))
    const all = await Promise.all(Array.from({ length: 10 }, () => stage.notify('Create', 'c')))
    assert.ok(all.flat().every(({ result }) => result === 'SUCCESSFUL'))
    assert.equal((await targets(REMOTE, 'c')).length, 1)
  })

  it('a change and a reconciliation create one target for a source', async () => {
    const name = mappingTo(REMOTE, { correlationQuery: [], onCreate: js('openidm.read("managed/note/slow")') })
    await stage.configure([name])
    for (let count = 0; count < 30; count++) await stage.connection.create(SOURCE, `r${count}`, person(`r${count}`))
    const run = stage.gateway.call(query, { method: 'POST' })
    const changes = Array.from({ length: 30 }, (_, count) => stage.notify('Create', `r${count}`))
    await Promise.all(changes)
    assert.equal((await run).status, 200)
    for (let count = 0; count < 30; count++) {
      assert.equal((await targets(REMOTE, `r${count}`)).length, 1, `r${count}`)
      assert.equal((await stage.links(`r${count}`)).length, 1)
    }
  })

  it('a change waits for the link that a reconciliation is about to store', async () => {
    await stage.configure([mappingTo(REMOTE, { correlationQuery: [] })])
    await stage.connection.create(SOURCE, 'w', person('w'))
    let change: Promise<JsonObject[]> | undefined
    stage.remote.before(
      ({ isWrite, text }) => !change && isWrite && text.includes('"w"'),
      async () => {
        change = stage.notify('Create', 'w')
        // Time enough to create the target a second time.
        await Promise.race([change, delay(500)])
      },
    )
    assert.equal((await stage.gateway.call(query, { method: 'POST' })).status, 200)
    const [detail = {}] = (await change) ?? []
    assert.deepEqual([detail.situation, detail.result], ['CONFIRMED', 'SUCCESSFUL'])
    assert.equal((await targets(REMOTE, 'w')).length, 1)
  })

  it('a reconciliation does not take back what a change has carried over since it read the source', async () => {
    await stage.configure([mappingTo(REMOTE)])
    await stage.connection.create(SOURCE, 'o', person('o', { mail: 'old@x' }))
    await stage.notify('Create', 'o')
    // The run has read the source by the time it reads the targets.
    let isChanged = false
    stage.remote.before(
      ({ isWrite }) => !isChanged && !isWrite,
      async () => {
        isChanged = true
        await stage.connection.update(`${SOURCE}/o`, null, person('o', { mail: 'new@x' }))
        await stage.notify('Update', 'o')
      },
    )
    assert.equal((await stage.gateway.call(query, { method: 'POST' })).status, 200)
    assert.ok(isChanged)
    assert.deepEqual(await targets(REMOTE, 'o'), ['new@x'])
  })
})

describe('SourceLocks', () => {
  const turn = () => new Promise((next) => setImmediate(next))

  it('works on one source one at a time, in order, and keeps nothing', async () => {
    const locks = new SourceLocks()
    const seen: string[] = []
    const work = (name: string) => async () => {
      seen.push(`${name} begins`)
      await turn()
      seen.push(`${name} ends`)
    }
    await Promise.all([
      locks.live('m', '1', work('a'), false),
      locks.row('m', '1', work('b')),
      locks.live('m', '1', work('c'), false),
    ])
    assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    assert.equal(locks.size, 0)
  })

  it('tells when the changes under way have ended, or after a while', async () => {
    const locks = new SourceLocks()
    await locks.ended('m', '1')
    const { promise, resolve } = Promise.withResolvers<void>()
    const change = locks.live('m', '1', () => promise, false)
    await locks.ended('m', '1', 10)
    let hasEnded = false
    const ended = locks.ended('m', '1').then(() => {
      hasEnded = true
    })
    await turn()
    assert.equal(hasEnded, false)
    resolve()
    await Promise.all([change, ended])
    assert.equal(locks.size, 0)
  })

  it('rows of one source do not wait for each other', async () => {
    const locks = new SourceLocks()
    const { promise, resolve } = Promise.withResolvers<void>()
    await Promise.all([locks.row('m', '1', () => promise), locks.row('m', '1', async () => resolve())])
    assert.equal(locks.size, 0)
  })

  it('nested work never waits, and what it overlapped with is done once more', async () => {
    const locks = new SourceLocks()
    const { promise, resolve } = Promise.withResolvers<void>()
    let [outer, inner] = [0, 0]
    const first = locks.live('m', '1', async () => (++outer === 1 ? promise : undefined), false)
    await locks.live('m', '1', async () => ++inner, true)
    assert.deepEqual([outer, inner], [1, 1])
    resolve()
    await first
    assert.equal(outer + inner, 3)
    assert.equal(locks.size, 0)
  })

  it('work that fails lets the next begin', async () => {
    const locks = new SourceLocks()
    const failed = locks.live('m', '1', () => Promise.reject(new Error('no')), false)
    const next = locks.live('m', '1', async () => 'yes', false)
    await assert.rejects(failed, /no/)
    assert.equal(await next, 'yes')
    assert.equal(locks.size, 0)
  })

  it('knows what was carried over beside a run, until that ends', async () => {
    const locks = new SourceLocks()
    await locks.live('m', '0', async () => 1, false)
    const run = locks.begin('m')
    assert.equal(locks.isTouched('m', '0'), false)
    await locks.live('m', '1', async () => 1, false)
    assert.deepEqual(
      [locks.isTouched('m', '1'), locks.isTouched('m', '2'), locks.isTouched('n', '1')],
      [true, false, false],
    )
    await run.dispose()
    assert.equal(locks.isTouched('m', '1'), false)
  })
})
