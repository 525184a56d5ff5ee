import type { Json, JsonObject } from '../../contract.ts'
import type { Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import type { ListenerLoad } from '../http/listener.ts'
import type { WorkersLink } from '../link/link.ts'
import type { NodeState } from '../link/messages.ts'
import { packageVersion } from '../project/package-info.ts'
import { listed, resource } from './listed.ts'

export interface NodesOptions {
  /** `openidm.node.id`. */
  readonly nodeId: () => string
  /** How busy this process is; undefined before it listens. */
  readonly load: () => ListenerLoad | undefined
  /** The link to the other processes of the gateway. */
  readonly others?: Pick<WorkersLink, 'nodes' | 'gather' | 'onGather'> | undefined
}

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
 * The nodes: this process, or each worker, by number. `GET cluster` answers `{ "results": [NODE, …] }`, `GET cluster/ID` one
 * of them. NODE is `{ "instanceId", "startup", "state": "running" or "down", "shutdown": "" or the time, "pid", "leads",
 * "version", "uptime", "connections", "requests", "memory": { "rss", "heapUsed" }, "restarts", "lastExit": null or
 * { "pid", "time", "code", "signal" } }`: seconds, bytes and ISO 8601.
 */
export function cluster(options: NodesOptions): ResourceHandler {
  const { others, load } = options
  // That of the code that runs, whatever is installed meanwhile.
  const version = packageVersion()
  const own = () => ({ pid: process.pid, figures: figures(version, load()) })
  others?.onGather('node', async () => own() as unknown as Json)
  const all = others ? () => workers(options.nodeId(), others, own()) : () => [alone(options.nodeId(), own())]
  const nodes = listed('cluster', all)
  return {
    ...nodes,
    read: async (request) => {
      if (request.resourcePath !== '') return nodes.read(request)
      return resource('', { results: (await all()).map(({ content }) => content) })
    },
  }
}

interface Told {
  readonly pid: number
  readonly figures: Figures
}

async function workers(
  nodeId: string,
  others: NonNullable<NodesOptions['others']>,
  own: Told,
): Promise<readonly Resource[]> {
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
