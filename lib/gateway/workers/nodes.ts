import type { NodeExit, NodeState } from '../link/messages.ts'
import type { Member } from './gathering.ts'

/** How long a node that is down is listed, and an exit is remembered. */
const REMEMBERED_MS = 3_600_000

interface Node {
  readonly member: Member
  readonly pid: number
  readonly startup: Date
  readonly restarts: number
  readonly exit: (Omit<NodeExit, 'time'> & { readonly at: number }) | undefined
  readonly isDown: boolean
}

/** The nodes of a gateway: places that are kept while workers are replaced. */
export class Nodes {
  readonly #nodes = new Map<number, Node>()
  readonly #leads: (member: Member) => boolean

  /** @param leads whether a worker is the leader */
  constructor(leads: (member: Member) => boolean) {
    this.#leads = leads
  }

  /** A worker serves as this node. */
  started(number: number, worker: Pick<Node, 'member' | 'pid' | 'startup'>): void {
    const before = this.#nodes.get(number)
    const restarts = before ? before.restarts + 1 : 0
    this.#nodes.set(number, { ...worker, restarts, exit: before?.exit, isDown: false })
  }

  /** The process of the node has ended. @param now milliseconds since the epoch */
  ended(number: number, exit: Pick<NodeExit, 'code' | 'signal'>, now = Date.now()): void {
    const node = this.#nodes.get(number)
    if (node) this.#nodes.set(number, { ...node, isDown: true, exit: { pid: node.pid, at: now, ...exit } })
  }

  /** By number; nodes that have not served yet are not listed. */
  list(now = Date.now()): NodeState[] {
    return [...this.#nodes]
      .sort(([one], [other]) => one - other)
      .flatMap(([number, { member, pid, startup, restarts, exit, isDown }]) => {
        const lastExit = exit && now - exit.at < REMEMBERED_MS ? exitOf(exit) : null
        if (isDown && !lastExit) return []
        const leads = !isDown && this.#leads(member)
        return [{ number, pid: isDown ? null : pid, startup: startup.toISOString(), leads, restarts, lastExit }]
      })
  }
}

const exitOf = ({ pid, at, code, signal }: NonNullable<Node['exit']>): NodeExit => ({
  pid,
  time: new Date(at).toISOString(),
  code,
  signal,
})
