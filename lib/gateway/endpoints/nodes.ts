import type { Json, JsonObject } from '../../contract.ts'
import type { Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import type { DescribedNode } from '../cluster/cluster.ts'
import type { NodeRegistration, SharedNode } from '../cluster/cluster-nodes.ts'
import type { HostConfiguration } from '../configuration/host-configuration.ts'
import type { ListenerLoad } from '../http/listener.ts'
import type { WorkersLink } from '../link/link.ts'
import type { NodeState } from '../link/messages.ts'
import { packageVersion } from '../project/package-info.ts'
import { listed, resource } from './listed.ts'

/** How busy this process is; undefined before it listens. */
type Load = () => ListenerLoad | undefined
/** The link to the other processes of the gateway. */
type Others = Pick<WorkersLink, 'nodes' | 'gather' | 'onGather'>

/** What only the process of a node knows. */
interface Figures {
  readonly version: string
  /** Seconds. */
  readonly uptime: number
  readonly connections: number
  readonly requests: number
  /** Bytes. */
  readonly memory: { readonly rss: number; readonly heapUsed: number }
}

/** Of a node that is down, or does not answer in time. */
const UNKNOWN = { version: null, uptime: null, connections: null, requests: null, memory: null }

/**
 * The nodes: this process, or each worker, by number; with a database that several gateways share, those of all of them.
 * `GET cluster` answers `{ "results": [NODE, …] }`, `GET cluster/ID` one
 * of them. NODE is `{ "instanceId", "startup", "state": "running" or "down", "shutdown": "" or the time, "pid", "leads",
 * "version", "uptime", "connections", "requests", "memory": { "rss", "heapUsed" }, "restarts", "lastExit": null or
 * { "pid", "time", "code", "signal" } }`: seconds, bytes and ISO 8601; with several gateways also `"lastSeen"`.
 */
export class GatewayNodes implements DescribedNode {
  readonly #configuration: Pick<HostConfiguration, 'nodeId'>
  readonly #load: Load
  readonly #others: Others | undefined
  // That of the code that runs, whatever is installed meanwhile.
  readonly #version = packageVersion()
  #shared: NodeRegistration | undefined

  constructor(configuration: Pick<HostConfiguration, 'nodeId'>, load: Load, others: Others | undefined) {
    this.#configuration = configuration
    this.#load = load
    this.#others = others
    others?.onGather('node', async () => this.#own() as unknown as Json)
  }

  get nodeId(): string {
    return this.#configuration.nodeId
  }

  share(registration: NodeRegistration): void {
    this.#shared = registration
  }

  /** This process alone. */
  async describe(): Promise<JsonObject> {
    const own = this.#own()
    const states = (await this.#others?.nodes()) ?? []
    const state = states.find(({ pid }) => pid === own.pid)
    return (state ? node('', state, own.figures) : alone('', own)).content
  }

  handler(): ResourceHandler {
    const nodes = listed('cluster', () => this.#all())
    return {
      ...nodes,
      read: async (request) => {
        if (request.resourcePath !== '') return nodes.read(request)
        return resource('', { results: (await this.#all()).map(({ content }) => content) })
      },
    }
  }

  async #all(): Promise<readonly Resource[]> {
    const others = this.#others
    const shared = this.#shared
    const name = shared?.name ?? this.nodeId
    const own = others ? await workers(name, others, this.#own()) : [alone(name, this.#own())]
    if (!shared) return own
    const known = await shared.list()
    const leads = new Set(known.filter((one) => one.leads).map(({ id }) => id))
    const lastSeen = new Date().toISOString()
    return [
      ...own.map(({ id, content }) => resource(id, { ...content, leads: leads.has(id), lastSeen })),
      ...known.filter(({ gateway }) => gateway !== shared.gateway).map(elsewhere),
    ].sort((one, other) => (one.id < other.id ? -1 : 1))
  }

  #own(): Told {
    return { pid: process.pid, figures: figures(this.#version, this.#load()) }
  }
}

/** A node of another gateway, as it was when it was last seen. */
function elsewhere({ id, content, leads, lastSeen, isLive }: SharedNode): Resource {
  const down = { ...content, state: 'down', shutdown: lastSeen, pid: null, ...UNKNOWN }
  return resource(id, { ...(isLive ? content : down), instanceId: id, leads: leads && isLive, lastSeen })
}

interface Told {
  readonly pid: number
  readonly figures: Figures
}

async function workers(nodeId: string, others: Others, own: Told): Promise<readonly Resource[]> {
  const [states, parts] = await Promise.all([others.nodes(), others.gather('node')])
  const told = new Map([own, ...(parts as unknown as readonly Told[])].map(({ pid, figures }) => [pid, figures]))
  return states.map((state) => node(`${nodeId}-${state.number}`, state, told.get(state.pid ?? 0)))
}

const STARTUP = new Date(performance.timeOrigin).toISOString()

const alone = (nodeId: string, { pid, figures }: Told): Resource =>
  node(nodeId, { number: 1, pid, startup: STARTUP, leads: true, restarts: 0, lastExit: null }, figures)

function node(id: string, { pid, startup, leads, restarts, lastExit }: NodeState, figures?: Figures): Resource {
  const isDown = pid === null
  const state = { state: isDown ? 'down' : 'running', shutdown: (isDown && lastExit?.time) || '' }
  const process = { pid, leads, ...UNKNOWN, ...figures, restarts, lastExit }
  return resource(id, { instanceId: id, startup, ...state, ...process } as unknown as JsonObject)
}

function figures(version: string, load: ListenerLoad | undefined): Figures {
  const { rss, heapUsed } = process.memoryUsage()
  const { connections = 0, requests = 0 } = load ?? {}
  return { version, uptime: Math.floor(process.uptime()), connections, requests, memory: { rss, heapUsed } }
}
