import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Bounded, DeadlineQueue } from '../deadline-queue.ts'
import { type ConnectionSettings, type ForwardProxy, IDLE_MS, openTcp, tlsOptions } from './connection.ts'

export type Agent = http.Agent | https.Agent

/** The name of the one origin in an agent's tables. */
const ORIGIN = 'remote'

/**
 * An agent for one origin. It belongs to one instance (docs/pitfalls.md#shared-agents): bounded, and retired with it.
 * @param keepAlive false for the token endpoint, which is asked too rarely to keep a connection
 */
export function createAgent(origin: URL, settings: ConnectionSettings, keepAlive: boolean): Agent {
  const { properties, lookup } = settings
  const options: http.AgentOptions = {
    keepAlive: keepAlive && properties.reuseConnections,
    maxSockets: properties.maxConnections,
    maxFreeSockets: properties.maxConnections,
    ...(keepAlive && Number.isFinite(properties.socketTimeout) ? { timeout: properties.socketTimeout } : {}),
    ...(lookup ? { lookup } : {}),
  }
  const { proxy, connectionTimeToLive } = properties
  if (origin.protocol === 'http:')
    return new PlainAgent(proxy ? { ...options, proxyEnv: proxyEnvOf(proxy) } : options, connectionTimeToLive)
  const secure = { ...options, ...tlsOptions(origin, settings) }
  return proxy
    ? new TunnelAgent(secure, connectionTimeToLive, () => openTcp(origin, settings))
    : new SecureAgent(secure, connectionTimeToLive)
}

/** Node's agents send requests in absolute form to the proxy of `proxyEnv`; the process environment does not count. */
function proxyEnvOf(proxy: ForwardProxy): Record<string, string> {
  const url = new URL(proxy.proxyUri)
  url.username = encodeURIComponent(proxy.userName ?? '')
  url.password = encodeURIComponent(proxy.password?.reveal() ?? '')
  return { HTTP_PROXY: url.href }
}

const IDLE = Symbol('idle')
type Kept = Socket & { [IDLE]?: IdleConnection }

class IdleConnection extends Bounded {
  readonly since = performance.now()
  readonly #socket: Socket

  constructor(socket: Socket) {
    super()
    this.#socket = socket
  }

  override expired(): void {
    this.#socket.destroy()
  }
}

/**
 * An agent for one origin is cheaper than Node's: it computes no name to tell origins apart, and idle connections share
 * one timer. The sockets' own timers stay as they are, so that a request finds its connection with the right timeout.
 */
function singleOrigin<Base extends new (options: https.AgentOptions) => http.Agent>(Agent: Base) {
  return class extends (Agent as new (options: https.AgentOptions) => http.Agent) {
    readonly #idle = new DeadlineQueue(IDLE_MS)
    readonly #timeToLive: number

    /** @param timeToLive milliseconds after which a connection is not kept any longer */
    constructor(options: https.AgentOptions, timeToLive: number | undefined) {
      super(options)
      this.#timeToLive = timeToLive || Number.POSITIVE_INFINITY
    }

    override getName(): string {
      return ORIGIN
    }

    override keepSocketAlive(socket: Kept): boolean {
      socket[IDLE] ??= new IdleConnection(socket)
      if (performance.now() - socket[IDLE].since > this.#timeToLive) return false
      this.#idle.add(socket[IDLE])
      // Missing in the types: false = do not keep it.
      return (super.keepSocketAlive(socket) as unknown) !== false
    }

    override reuseSocket(socket: Kept, request: http.ClientRequest): void {
      if (socket[IDLE]) this.#idle.delete(socket[IDLE])
      super.reuseSocket(socket, request)
    }
  }
}

const PlainAgent = singleOrigin(http.Agent)
const SecureAgent = singleOrigin(https.Agent)

/** Connects through a tunnel of the forward proxy. */
class TunnelAgent extends SecureAgent {
  readonly #open: () => Promise<Socket>

  constructor(options: https.AgentOptions, timeToLive: number | undefined, open: () => Promise<Socket>) {
    super(options, timeToLive)
    this.#open = open
  }

  override createConnection(options: https.RequestOptions, callback: (error: Error | null, stream?: Duplex) => void) {
    this.#open()
      .then((socket) => super.createConnection(Object.assign({ socket }, options)) as Duplex)
      .then((socket) => callback(null, socket), callback)
    return undefined
  }
}

/**
 * Drains an agent: idle connections close now, busy ones when their request ends, and requests in the agent's queue are
 * served. `destroy()` would cut responses in flight (docs/pitfalls.md#destroyed-agents).
 */
export function retireAgent(agent: Agent): void {
  // Missing in the types: decides what Node does with a socket that becomes free.
  Object.assign(agent, { keepAlive: false, maxFreeSockets: 0 })
  closeIdle(agent)
}

export function closeIdle(agent: Agent): void {
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
}

/** True while requests wait because all connections are in use. */
export const isSaturated = (agent: Agent): boolean => Object.keys(agent.requests).length > 0

/** How many requests wait for a connection, aborted ones included: the agent keeps them until a connection is free. */
export function queuedIn({ requests }: Agent): number {
  let count = 0
  for (const name in requests) count += requests[name]?.length ?? 0
  return count
}
