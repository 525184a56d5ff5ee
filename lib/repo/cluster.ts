import type { Disposable, JsonObject } from '../contract.ts'

/** How long the right to lead lasts without being renewed, by the clock of the server, in milliseconds. */
export const LEASE_MS = 15_000
/** A node that was not seen for so long is down, in milliseconds. */
export const NODE_TIMEOUT_MS = 30_000

/** Who leads the processes that share a database. */
export interface LeaderRecord {
  /** Grows by one with each leader. */
  readonly epoch: number
  /** Its process; empty when there is no leader. */
  readonly process: string
  /** The id of its node. */
  readonly node: string
  /** Whether it accepts calls. */
  readonly serves: boolean
  /** Until its lease ends, in milliseconds; not positive when another may lead. */
  readonly remainingMs: number
}

/** A process that stands for election. */
export interface LeaderCandidate {
  readonly node: string
  /** By which others of its gateway know that it has ended; see `releaseMember`. */
  readonly member: string
}

/** A text for another process. */
export interface ClusterMessage {
  readonly recipient: string
  readonly text: string
}

export interface ReceivedMessage {
  readonly sender: string
  readonly text: string
}

/** What a process is told while it listens. It may be told without need, and looks itself. */
export interface ClusterSignals {
  /** There are messages for it. */
  message(): void
  /** The leader has changed. */
  leader(): void
}

/** A process as it registers itself. */
export interface ClusterMember {
  /** The id of the whole gateway. */
  readonly gateway: string
  /** The id that its nodes are to have: another one when a gateway that runs has it. */
  readonly name: string
  /** Of a gateway of several processes, from 1. */
  readonly number?: number | undefined
}

/** The id of a node: the name of its gateway, and its number among several processes. */
export const nodeIdOf = (name: string, { number }: Pick<ClusterMember, 'number'>): string =>
  number === undefined ? name : `${name}-${number}`

/** The name of the gateway of a node. */
export const gatewayNameOf = (id: string, { number }: Pick<ClusterMember, 'number'>): string =>
  number === undefined ? id : id.slice(0, -`-${number}`.length)

export interface ClusterNode {
  /** Unique. */
  readonly id: string
  /** `Cluster.process` of it. */
  readonly process: string
  readonly gateway: string
  /** As its process has described it. */
  readonly content: JsonObject
  /** ISO 8601, by the clock of the server. */
  readonly lastSeen: string
  /** Whether it was seen during `NODE_TIMEOUT_MS`. */
  readonly isLive: boolean
}

/** Who may lead: one process at a time, until its lease ends. */
export interface ClusterLease {
  leader(): Promise<LeaderRecord>
  /** @returns the epoch of this process; undefined while another one leads */
  take(candidate: LeaderCandidate): Promise<number | undefined>
  /** Extends the lease to `LEASE_MS` from now. @returns false when another process has taken it */
  renew(epoch: number): Promise<boolean>
  /** Notes whether the leader accepts calls. */
  serve(epoch: number, serves: boolean): Promise<void>
  /** Lets others lead. */
  release(epoch: number): Promise<void>
  /** The same for a process that has certainly ended. */
  releaseMember(member: string): Promise<void>
}

export interface ClusterMailbox {
  /** Resolves when the messages are stored: their recipients get them in this order. */
  send(messages: readonly ClusterMessage[]): Promise<void>
  /** Takes the messages to this process, from the oldest; called by one reader at a time. */
  receive(): Promise<ReceivedMessage[]>
}

export interface ClusterNodes {
  /** @returns the id of the node */
  join(member: ClusterMember): Promise<string>
  /** Notes that this node is there, and removes what others have left. */
  beat(id: string, member: ClusterMember, content: JsonObject): Promise<void>
  /** The node is no longer there. */
  leave(): Promise<void>
  /** See `Repository.ended`. */
  ended(processes: readonly string[]): Promise<string[]>
  /** All nodes by id; those that are down for an hour. */
  list(): Promise<ClusterNode[]>
}

/** What the processes on one database agree on. */
export interface Cluster {
  /** The id of this process. */
  readonly process: string
  readonly lease: ClusterLease
  readonly mailbox: ClusterMailbox
  readonly nodes: ClusterNodes
  /**
   * Creates the first key if there is none at all.
   * @throws Error when the keys of this process are not those of the others
   */
  checkKeys(): Promise<void>
  /** Tells of changes until disposed, and once each time the connection was established. */
  listen(signals: ClusterSignals): Disposable
}
