import { NodeLost, type RunNodes } from '../../sync/context/run-nodes.ts'
import type { NodeRegistration } from './cluster-nodes.ts'
import type { NodeCalls } from './node-calls.ts'

/** The nodes of all gateways, which share runs. */
export function runNodes(registration: Pick<NodeRegistration, 'id' | 'list'>, calls: NodeCalls): RunNodes {
  const others = async () => (await registration.list()).filter(({ id, isLive }) => isLive && id !== registration.id)
  return {
    known: async () => ({ own: registration.id, others: (await others()).map(({ id }) => id) }),
    call: async (node, task, signal) => {
      const found = (await others()).find(({ id }) => id === node)
      if (!found) throw new NodeLost(false)
      return calls.call(found.process, task, signal)
    },
  }
}
