import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { NodeCalls, type NodeMessage } from '../../lib/gateway/cluster/node-calls.ts'
import { NodeLost } from '../../lib/sync/context/run-nodes.ts'
import { until } from '../helpers/until.ts'

const { signal } = new AbortController()

/** Two processes; messages that `loses` names do not arrive. */
function pair(loses: (message: NodeMessage) => boolean = () => false) {
  const calls = new Map<string, NodeCalls>()
  const create = (own: string): NodeCalls => {
    const created = new NodeCalls((recipient, message) => {
      if (!loses(message)) void nextTurn().then(() => calls.get(recipient)?.receive(own, message))
    })
    calls.set(own, created)
    return created
  }
  return { caller: create('caller'), callee: create('callee') }
}

const lost = (hasEnded: boolean) => (error: unknown) => error instanceof NodeLost && error.hasEnded === hasEnded

describe('calls of nodes by each other', () => {
  it('are answered, also when they are aborted', async () => {
    const { caller, callee } = pair()
    callee.onCall(async (text, { aborted }) => `${text} ${aborted}`)
    assert.equal(await caller.call('callee', 'hello', signal), 'hello false')
    callee.onCall(
      (text, gone) => new Promise((answer) => gone.addEventListener('abort', () => answer(`${text} aborted`))),
    )
    const abort = new AbortController()
    const aborted = caller.call('callee', 'hello', abort.signal)
    abort.abort()
    assert.equal(await aborted, 'hello aborted')
  })

  it('are lost at a node that takes none', async () => {
    const { caller } = pair()
    await assert.rejects(caller.call('callee', 'hello', signal), lost(false))
  })

  for (const type of ['call', 'answer'])
    it(`are lost when the ${type} does not arrive: whoever waits asks`, async () => {
      const { caller, callee } = pair((message) => message.type === type)
      callee.onCall(async (text) => text)
      const called = caller.call('callee', 'hello', signal)
      await nextTurn()
      caller.ask()
      await assert.rejects(called, lost(false))
    })

  it('are not lost while they take long', async () => {
    const { caller, callee } = pair()
    const { promise, resolve } = Promise.withResolvers<string>()
    let isCalled = false
    callee.onCall(() => {
      isCalled = true
      return promise
    })
    const called = caller.call('callee', 'hello', signal)
    await until(() => isCalled)
    caller.ask()
    await nextTurn()
    await nextTurn()
    resolve('late')
    assert.equal(await called, 'late')
  })

  it('are lost with the process, which is known to have ended', async () => {
    const { caller, callee } = pair()
    callee.onCall(() => new Promise(() => undefined))
    const called = caller.call('callee', 'hello', signal)
    caller.ended('another')
    caller.ended('callee')
    await assert.rejects(called, lost(true))
  })
})
