import type { Disposable, JsonObject, Logger } from '../../contract.ts'
import { type Cluster, type ClusterMember, type ClusterNode, gatewayNameOf, nodeIdOf } from '../../repo/cluster.ts'

const HEARTBEAT_MS = 10_000

export interface SharedNode extends ClusterNode {
  readonly leads: boolean
}

/** This process among the nodes of all gateways on a database. */
export class NodeRegistration implements Disposable {
  readonly id: string
  readonly gateway: string
  readonly #cluster: Cluster
  readonly #member: ClusterMember
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #beating: Promise<void> = Promise.resolve()

  private constructor(id: string, cluster: Cluster, member: ClusterMember, log: Logger) {
    this.id = id
    this.gateway = member.gateway
    this.#cluster = cluster
    this.#member = member
    this.#log = log
  }

  /** Resolves when this process has an id of its own. */
  static async join(cluster: Cluster, member: ClusterMember, log: Logger): Promise<NodeRegistration> {
    const id = await cluster.nodes.join(member)
    const asked = nodeIdOf(member.name, member)
    if (id !== asked) log.warn({ node: id }, `another gateway has the node id ${asked}: this one is ${id}`)
    return new NodeRegistration(id, cluster, member, log)
  }

  /** The name that the nodes of this gateway have before their number. */
  get name(): string {
    return gatewayNameOf(this.id, this.#member)
  }

  /** Shows others what `describe` says, from now on. */
  begin(describe: () => Promise<JsonObject>): void {
    const beat = () => {
      this.#beating = this.#beat(describe)
    }
    beat()
    this.#timer = setInterval(beat, HEARTBEAT_MS).unref()
  }

  async list(): Promise<SharedNode[]> {
    const [nodes, leader] = await Promise.all([this.#cluster.nodes.list(), this.#cluster.lease.leader()])
    const isLed = leader.remainingMs > 0 && leader.serves
    return nodes.map((node) => ({ ...node, leads: isLed && node.id === leader.node }))
  }

  async dispose(): Promise<void> {
    clearInterval(this.#timer)
    await this.#beating
    await this.#cluster.nodes.leave().catch(() => undefined)
  }

  async #beat(describe: () => Promise<JsonObject>): Promise<void> {
    try {
      await this.#cluster.nodes.beat(this.id, this.#member, await describe())
    } catch (error) {
      this.#log.debug({ err: error }, 'the database cannot be told that this node is there')
    }
  }
}
