import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions, SecureContext } from 'node:tls'
import { Bounded, DeadlineQueue } from '../../core/deadline-queue.ts'
import type { InstanceProperties } from '../properties/properties.ts'
import { proxyEnvironment } from './forward-proxy.ts'

export type Agent = http.Agent | https.Agent

/** What the connections of one instance have in common, to the remote and to its token endpoint. */
export interface ConnectionSettings {
  readonly properties: InstanceProperties
  /** Shared by all instances that trust the same, so that no connection parses certificates again. */
  secureContext(): SecureContext
  readonly lookup?: LookupFunction | undefined
}

/**
 * An idle connection is closed by us before a remote's own time-out closes it under a request; Node's servers wait 5 s,
 * Jetty and nginx longer.
 */
const IDLE_MS = 4_000
/** The name of the one origin in an agent's tables. */
const ORIGIN = 'remote'

/**
 * The agent for one origin. It belongs to one instance (docs/pitfalls.md#shared-agents): bounded, and retired with it.
 * @param keepAlive false for the token endpoint, which is asked too rarely to keep a connection
 */
export function createAgent(origin: URL, settings: ConnectionSettings, keepAlive: boolean): Agent {
  const { properties, lookup } = settings
  const proxyEnv = proxyEnvironment(properties)
  const options: http.AgentOptions = {
    keepAlive: keepAlive && properties.reuseConnections,
    maxSockets: properties.maxConnections,
    maxFreeSockets: properties.maxConnections,
    ...(keepAlive && Number.isFinite(properties.socketTimeout) ? { timeout: properties.socketTimeout } : {}),
    ...(lookup ? { lookup } : {}),
    ...(proxyEnv ? { proxyEnv } : {}),
  }
  if (origin.protocol === 'http:') return new PlainAgent(options)
  const secure = { ...options, ...tlsOptions(origin, settings) }
  return proxyEnv ? new TunnelAgent(secure, properties.connectionTimeout) : new SecureAgent(secure)
}

const IDLE = Symbol('idle')
type Kept = Socket & { [IDLE]?: IdleConnection }

class IdleConnection extends Bounded {
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
 * What an agent for one origin does more cheaply than one for all: nothing is put together to tell origins apart, and
 * the connections that nobody uses share one timer. Their own timers are left alone, so that each request finds its
 * connection with the time-out that it wants.
 */
function singleOrigin<Base extends new (options: https.AgentOptions) => http.Agent>(Agent: Base) {
  return class extends (Agent as new (options: https.AgentOptions) => http.Agent) {
    readonly #idle = new DeadlineQueue(IDLE_MS)

    override getName(): string {
      return ORIGIN
    }

    override keepSocketAlive(socket: Kept): boolean {
      socket[IDLE] ??= new IdleConnection(socket)
      this.#idle.add(socket[IDLE])
      // Not in the types: false = it must not be kept.
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

/** Node gives a forward proxy as long to make a tunnel as a connection may be idle. */
class TunnelAgent extends SecureAgent {
  readonly #timeout: number

  constructor(options: https.AgentOptions, connectionTimeout: number) {
    super(options)
    this.#timeout = Number.isFinite(connectionTimeout) ? connectionTimeout : 0
  }

  override createConnection(options: https.RequestOptions, callback?: (error: Error | null, stream: Duplex) => void) {
    return super.createConnection({ ...options, timeout: this.#timeout }, callback)
  }
}

/**
 * TLS as the instance wants it: the name that is checked is the configured one, never the caller's Host
 * (docs/pitfalls.md#callers-host-as-tls-name).
 */
export function tlsOptions(origin: URL, settings: ConnectionSettings): ConnectionOptions {
  const { properties } = settings
  const host = hostNameOf(origin)
  return {
    secureContext: settings.secureContext(),
    servername: isIP(host) === 0 ? host : '',
    rejectUnauthorized: !properties.dangerouslySkipTlsVerify,
    ...(properties.hostnameVerifier === 'ALLOW_ALL' ? { checkServerIdentity: () => undefined } : {}),
  }
}

/** The host name without the brackets of an IPv6 address. */
export const hostNameOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

/**
 * Lets an agent run out: idle connections close now, busy ones when their request has ended, and a request that still
 * waits in the agent's queue is served. `destroy()` alone would cut responses in flight
 * (docs/pitfalls.md#destroyed-agents).
 */
export function retireAgent(agent: Agent): void {
  // Not in the types, but how Node decides what happens to a socket that becomes free.
  Object.assign(agent, { keepAlive: false, maxFreeSockets: 0 })
  closeIdle(agent)
}

export function closeIdle(agent: Agent): void {
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
}

/** True while requests wait for a connection because all that there may be are in use. */
export const isSaturated = (agent: Agent): boolean => Object.keys(agent.requests).length > 0

/** How many requests wait for a connection, those included that have given up: the agent keeps them until one is free. */
export function queuedIn({ requests }: Agent): number {
  let count = 0
  for (const name in requests) count += requests[name]?.length ?? 0
  return count
}

/** Cuts what is still open. */
export const destroyAgent = (agent: Agent): void => agent.destroy()
