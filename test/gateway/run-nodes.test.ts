import assert from 'node:assert/strict'
import type { SharedNode } from '../../lib/gateway/cluster/cluster-nodes.ts'
import { runNodes } from '../../lib/gateway/cluster/run-nodes.ts'
import { NodeLost } from '../../lib/sync/context/run-nodes.ts'

const node = (id: string, version: string, isLive = true): SharedNode => ({
  ...{ id, process: `process of ${id}`, gateway: id, lastSeen: new Date().toISOString(), isLive, leads: false },
  content: { version },
})

describe('the nodes that share a run', () => {
  const calls = { call: async (process: string, text: string) => `${process}: ${text}` }
  const { signal } = new AbortController()
  const nodesOf = (list: readonly SharedNode[]) => runNodes({ id: 'own', list: async () => [...list] }, calls)

  it('are those that live and have the same release', async () => {
    const nodes = nodesOf([node('own', '2.0'), node('a', '2.0'), node('b', '1.9'), node('c', '2.0', false)])
    assert.deepEqual(await nodes.known(), { own: 'own', others: ['a'] })
    assert.equal(await nodes.call('a', 'task', signal), 'process of a: task')
    for (const id of ['b', 'c']) await assert.rejects(nodes.call(id, 'task', signal), NodeLost)
  })

  it('are none before this one is known', async () => {
    assert.deepEqual(await nodesOf([node('a', '2.0')]).known(), { own: 'own', others: [] })
  })
})
