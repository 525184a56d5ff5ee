import { NodeLost, type RunNodes } from '../../sync/context/run-nodes.ts'
import type { WorkersLink } from './link.ts'

/**
 * The workers of a gateway as nodes that share runs.
 * @param name what their ids have before their number
 */
export function workerNodes(link: WorkersLink, name: string): RunNodes {
  const nameOf = (number: number): string => `${name}-${number}`
  const running = async () => (await link.nodes()).filter(({ pid }) => pid !== null)
  return {
    known: async () => {
      const nodes = await running()
      const own = nodes.find(({ pid }) => pid === process.pid)
      const others = nodes.filter((node) => node !== own).map(({ number }) => nameOf(number))
      // A worker that has just started is not listed yet.
      return { own: own ? nameOf(own.number) : `${name}-${process.pid}`, others }
    },
    call: async (node, task, signal) => {
      const found = (await running()).find(({ number }) => nameOf(number) === node)
      if (!found) throw new NodeLost()
      return link.calls.call(found.number, task, signal)
    },
  }
}
