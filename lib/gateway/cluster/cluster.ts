import { randomUUID } from 'node:crypto'
import type { Disposable, JsonObject, Logger } from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import type { Cluster } from '../../repo/cluster.ts'
import type { Fence } from '../../repo/repository.ts'
import type { RunNodes } from '../../sync/context/run-nodes.ts'
import type { LeaderLink } from '../link/leader-link.ts'
import type { WorkersLink } from '../link/link.ts'
import { NodeRegistration } from './cluster-nodes.ts'
import { DatabaseRelay } from './database-relay.ts'
import type { NodeCalls } from './node-calls.ts'
import { runNodes } from './run-nodes.ts'

/** What describes this process to the others. */
export interface DescribedNode {
  /** The id that was configured. */
  readonly nodeId: string
  /** From now on the nodes are those of all gateways. */
  share(registration: NodeRegistration): void
  describe(): Promise<JsonObject>
}

export interface JoinClusterOptions {
  readonly cluster: Cluster
  readonly node: DescribedNode
  readonly link?: Pick<WorkersLink, 'hostId' | 'nodeNumber' | 'onLeft'> | undefined
  readonly log: Logger
}

export interface JoinedCluster extends Disposable {
  readonly link: LeaderLink
  /** Those that share runs. */
  readonly nodes: RunNodes
  readonly calls: Pick<NodeCalls, 'onCall'>
  /** Of this process while it leads. */
  readonly lease: Fence | undefined
}

/**
 * Makes this process one of those that share a database.
 * @throws Error when its keys are not those of the others
 */
export async function joinCluster({ cluster, node, link, log }: JoinClusterOptions): Promise<JoinedCluster> {
  const scope = new Scope(log)
  try {
    await cluster.checkKeys()
    const gateway = link?.hostId ?? randomUUID()
    const member = { gateway, name: node.nodeId, number: link?.nodeNumber }
    const registration = scope.own('node', await NodeRegistration.join(cluster, member, log))
    node.share(registration)
    registration.begin(() => node.describe())
    const memberOf = (pid: number) => `${gateway}/${pid}`
    const candidate = { node: registration.id, member: memberOf(process.pid) }
    const relay = scope.own('relay', new DatabaseRelay({ cluster, candidate, log }))
    link?.onLeft(async (pid) => {
      await relay.ended(memberOf(pid))
      const nodes = await registration.list().catch(() => [])
      for (const one of nodes) if (one.gateway === gateway && one.content.pid === pid) relay.calls.ended(one.process)
    })
    return {
      link: relay.link,
      nodes: runNodes(registration, relay.calls),
      calls: relay.calls,
      get lease() {
        return relay.lease
      },
      dispose: () => scope.dispose(),
    }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
