import assert from 'node:assert/strict'
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import { SerialQueue } from '../../../lib/core/serial-queue.ts'
import type { Cluster, ReceivedMessage } from '../../../lib/repo/cluster.ts'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import type { Repository } from '../../../lib/repo/repository.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { keysOf } from '../../repo/repositories.ts'
import { postgresRepository, tempSchema } from './server.ts'

const CANDIDATE = { node: 'n', member: 'm' }
const RUN = { id: 'r', mapping: 'm', state: 'ACTIVE', isAnalysis: false, persists: false, content: {} }
const REPLACED = { code: 503, message: /another node runs reconciliations and schedules by now/ }

const clusterOf = ({ cluster }: Repository): Cluster => {
  if (cluster) return cluster
  throw new Error('it is shared')
}

describe('processes on one PostgreSQL', () => {
  async function stage() {
    const place = await tempSchema()
    const repositories = [await postgresRepository(place), await postgresRepository(place)] as const
    const [one, other] = repositories
    const admin = createClient(place)
    await admin.connect()
    onCleanUp(() => admin.end())
    const expire = () => admin.query('update leader set until = to_timestamp(0)')
    return { place, one, other, lease: clusterOf(one).lease, rival: clusterOf(other).lease, admin, expire }
  }

  const lead = async (repository: Repository, isHeld = { value: true }) => {
    const epoch = (await clusterOf(repository).lease.take(CANDIDATE)) ?? 0
    const assertHeld = () => assert.ok(isHeld.value, 'its lease has ended')
    return { epoch, fenced: repository.fenced({ epoch, assertHeld, remaining: () => 10_000 }) }
  }

  it('one leads until its lease ends, or it gives it back; each leader has an epoch of its own', async () => {
    const { lease, rival, expire } = await stage()
    const epoch = (await lease.take(CANDIDATE)) ?? 0
    assert.equal(await rival.take(CANDIDATE), undefined)
    await lease.serve(epoch, true)
    const { remainingMs, ...leader } = await rival.leader()
    assert.deepEqual([leader.epoch, leader.node, leader.serves], [epoch, 'n', true])
    assert.ok(remainingMs > 10_000 && remainingMs <= 15_000)
    await expire()
    assert.ok(await lease.renew(epoch), 'nobody has taken it')
    await expire()
    assert.equal(await rival.take(CANDIDATE), epoch + 1)
    assert.equal(await lease.renew(epoch), false)
    await lease.release(epoch)
    assert.equal(await lease.take(CANDIDATE), undefined, 'it gives back its own lease only')
    await rival.release(epoch + 1)
    assert.equal(await lease.take(CANDIDATE), epoch + 2)
    await rival.releaseMember('m')
    assert.equal(await rival.take(CANDIDATE), epoch + 3)
  })

  it('nothing of a leader is stored once another one leads', async () => {
    const { one, other, rival, expire } = await stage()
    const { fenced } = await lead(one)
    const runs = fenced.runs()
    const number = await runs.insert(RUN)
    const schedules = await fenced.store('scheduler')
    await expire()
    await runs.update(number, 'ACTIVE', { still: 'allowed' })
    await rival.take(CANDIDATE)
    await assert.rejects(runs.update(number, 'SUCCESS', {}), REPLACED)
    await assert.rejects(runs.insert({ ...RUN, id: 's' }), REPLACED)
    await assert.rejects(schedules.insert('jobs', {}), REPLACED)
    // What any process may write goes on.
    await (await one.store('managed/user')).insert('u', {})
    assert.deepEqual(
      (await other.runs().all()).map(({ id, content }) => [id, content]),
      [['r', { still: 'allowed' }]],
    )
  })

  it('the next leader waits for the writes that are under way', async () => {
    const { place, one, rival, admin, expire } = await stage()
    const { epoch, fenced } = await lead(one)
    const number = await fenced.runs().insert(RUN)
    await expire()
    const blocker = createClient(place)
    await blocker.connect()
    onCleanUp(() => blocker.end())
    await blocker.query('begin; select * from run for update')
    const isWaiting = async (locktype: string) => {
      const text = 'select 1 from pg_locks where locktype = $1 and not granted'
      return (await admin.query(text, [locktype])).rows.length > 0
    }
    const written = fenced.runs().update(number, 'ACTIVE', { last: true })
    await until(() => isWaiting('transactionid'))
    const taken = rival.take(CANDIDATE)
    await until(() => isWaiting('advisory'))
    await blocker.query('commit')
    await written
    assert.equal(await taken, epoch + 1)
  })

  it('those with other keys are refused, until these are the ones in use', async () => {
    const place = await tempSchema()
    const [one, again, other] = await Promise.all([
      postgresRepository(place),
      postgresRepository(place),
      postgresRepository({ ...place, keys: keysOf(generateKey('other')) }),
    ])
    await clusterOf(one).checkKeys()
    await clusterOf(again).checkKeys()
    const refused = /cannot be used: what is stored .*\. All gateways on a database need the same keys/
    await assert.rejects(clusterOf(other).checkKeys(), refused)
    await other.rewrapRunKeys()
    await clusterOf(other).checkKeys()
    await assert.rejects(clusterOf(one).checkKeys(), refused)
  })

  it('messages arrive once, in order, and only encrypted in the table', async () => {
    const { one, other, admin } = await stage()
    const [sender, recipient] = [clusterOf(one), clusterOf(other)]
    const received: ReceivedMessage[] = []
    const readers = new SerialQueue()
    const message = () => void readers.add(async () => received.push(...(await recipient.mailbox.receive())))
    const listener = recipient.listen({ message, leader: () => undefined })
    onCleanUp(() => listener.dispose())
    const texts = Array.from({ length: 45 }, (_, index) => `secret ${index} ${'ä'.repeat(index * 1000)}`)
    for (let start = 0; start < texts.length; start += 15)
      await sender.mailbox.send(texts.slice(start, start + 15).map((text) => ({ recipient: recipient.process, text })))
    await until(() => received.length === texts.length)
    assert.deepEqual(
      received.map(({ text }) => text),
      texts,
    )
    assert.deepEqual(new Set(received.map((one) => one.sender)), new Set([sender.process]))
    await sender.mailbox.send([{ recipient: 'nobody', text: 'secret' }])
    const { rows } = await admin.query<{ content: Buffer }>('select content from node_message')
    assert.equal(rows.length, 1)
    assert.ok(rows[0] && !rows[0].content.includes('secret'))
  })
})
