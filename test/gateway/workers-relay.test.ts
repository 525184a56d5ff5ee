import assert from 'node:assert/strict'
import type { LeaderMessageToWorker } from '../../lib/gateway/link/messages.ts'
import { type Candidate, LeaderRelay } from '../../lib/gateway/workers/leader-relay.ts'

interface Worker extends Candidate {
  readonly told: LeaderMessageToWorker[]
}

const workerOf = (): Worker => {
  const told: LeaderMessageToWorker[] = []
  return { told, send: (message) => void told.push(message) }
}

const types = ({ told }: Worker) => told.map(({ type }) => type)

/** A leader that serves, and two others. */
function elected() {
  const relay = new LeaderRelay()
  const [a, b, c] = [workerOf(), workerOf(), workerOf()]
  for (const worker of [a, b, c]) relay.receive(worker, { type: 'campaign' })
  relay.receive(a, { type: 'leading' })
  for (const { told } of [a, b, c]) told.length = 0
  return { relay, a, b, c }
}

describe('LeaderRelay', () => {
  it('elects the first, and tells all others when it serves', () => {
    const relay = new LeaderRelay()
    const [a, b] = [workerOf(), workerOf()]
    relay.receive(a, { type: 'campaign' })
    relay.receive(b, { type: 'campaign' })
    assert.deepEqual([types(a), types(b)], [['lead'], []])
    relay.receive(b, { type: 'leading' })
    assert.deepEqual(types(b), [], 'it is not elected')
    relay.receive(a, { type: 'leading' })
    const c = workerOf()
    relay.receive(c, { type: 'campaign' })
    assert.deepEqual([types(a), types(b), types(c)], [['lead', 'led'], ['led'], ['led']])
  })

  it('passes calls to the leader and answers to their callers', () => {
    const { relay, a, b, c } = elected()
    relay.receive(b, { type: 'call', id: 1, text: 'one' })
    relay.receive(c, { type: 'call', id: 1, text: 'two' })
    assert.deepEqual(a.told, [
      { type: 'call', call: 1, text: 'one' },
      { type: 'call', call: 2, text: 'two' },
    ])
    relay.receive(b, { type: 'answer', call: 2, text: 'forged' })
    relay.receive(a, { type: 'part', call: 2, text: 'first, ' })
    relay.receive(a, { type: 'answer', call: 2, text: 'last' })
    relay.receive(a, { type: 'answer', call: 2, text: 'again' })
    assert.deepEqual(b.told, [{ type: 'accepted', id: 1 }])
    assert.deepEqual(c.told.slice(1), [
      { type: 'part', id: 1, text: 'first, ' },
      { type: 'answer', id: 1, text: 'last' },
    ])
  })

  it('one that ends: its calls are lost, the next one leads and gets those that waited', () => {
    const { relay, a, b, c } = elected()
    relay.receive(c, { type: 'call', id: 1, text: 'under way' })
    relay.leave(a)
    assert.deepEqual(types(c), ['accepted', 'lost'])
    assert.deepEqual(types(b), ['lead'])
    relay.receive(c, { type: 'call', id: 2, text: 'waits' })
    assert.deepEqual(types(b), ['lead'])
    relay.receive(b, { type: 'leading' })
    assert.deepEqual(b.told.slice(1), [{ type: 'led' }, { type: 'call', call: 2, text: 'waits' }])
    relay.receive(a, { type: 'answer', call: 1, text: 'too late' })
    assert.equal(types(c).includes('answer'), false)
  })

  it('one that resigns answers what it has taken, takes no more, and the next leads only when it has ended', () => {
    const { relay, a, b, c } = elected()
    relay.receive(c, { type: 'call', id: 1, text: 'taken' })
    relay.receive(a, { type: 'resign' })
    relay.receive(c, { type: 'call', id: 2, text: 'waits' })
    assert.deepEqual([types(a), types(b)], [['call'], []])
    relay.receive(a, { type: 'answer', call: 1, text: 'ok' })
    relay.receive(a, { type: 'resigned' })
    assert.deepEqual([types(b), types(c)], [['lead'], ['accepted', 'answer']])
  })

  it('tells the leader which calls are aborted; a caller that has ended gets no answer', () => {
    const { relay, a, b, c } = elected()
    relay.receive(b, { type: 'call', id: 1, text: 'one' })
    relay.receive(c, { type: 'call', id: 1, text: 'two' })
    relay.receive(b, { type: 'abort', id: 1 })
    relay.leave(c)
    assert.deepEqual(a.told.slice(2), [
      { type: 'abort', call: 1 },
      { type: 'abort', call: 2 },
    ])
    relay.receive(a, { type: 'answer', call: 1, text: 'canceled' })
    relay.receive(a, { type: 'answer', call: 2, text: 'nobody waits' })
    assert.deepEqual([types(b), types(c)], [['accepted', 'answer'], ['accepted']])
    relay.receive(a, { type: 'resign' })
    relay.receive(b, { type: 'call', id: 2, text: 'waits' })
    relay.receive(b, { type: 'abort', id: 2 })
    assert.equal(types(b).at(-1), 'lost')
  })

  it('closed: elects nobody, and calls are lost at once', () => {
    const { relay, a, b, c } = elected()
    relay.receive(c, { type: 'call', id: 1, text: 'taken' })
    relay.close()
    relay.receive(a, { type: 'answer', call: 1, text: 'ok' })
    relay.receive(a, { type: 'resign' })
    relay.receive(c, { type: 'call', id: 2, text: 'too late' })
    relay.receive(a, { type: 'resigned' })
    assert.deepEqual([types(b), types(c)], [[], ['accepted', 'answer', 'lost']])
  })
})
