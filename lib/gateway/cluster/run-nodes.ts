import { NodeLost, type RunNodes } from '../../sync/context/run-nodes.ts'
import type { NodeRegistration } from './cluster-nodes.ts'
import type { NodeCalls } from './node-calls.ts'

/** The nodes of all gateways with the same release, which share runs: another one may carry out rows in another way. */
export function runNodes(
  registration: Pick<NodeRegistration, 'id' | 'list'>,
  calls: Pick<NodeCalls, 'call'>,
): RunNodes {
  const others = async () => {
    const nodes = await registration.list()
    const own = nodes.find(({ id }) => id === registration.id)
    return nodes.filter((node) => own && node !== own && node.isLive && node.content.version === own.content.version)
  }
  return {
    known: async () => ({ own: registration.id, others: (await others()).map(({ id }) => id) }),
    call: async (node, task, signal) => {
      const found = (await others()).find(({ id }) => id === node)
      if (!found) throw new NodeLost(false)
      return calls.call(found.process, task, signal)
    },
  }
}
