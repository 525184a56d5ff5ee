/** Messages between the processes of a multi-process gateway. All of them pass through the primary process. */
import type { Json } from '../../contract.ts'

/** The result of work, serialized for other processes. */
export type Outcome =
  | { readonly result: Json }
  | { readonly error: { readonly code: number; readonly message: string } }

/**
 * Requests a lock: `exclusive` runs one holder at a time; with `shared`, waiting requests receive the outcome of the
 * first.
 */
export interface LockRequest {
  readonly type: 'acquire'
  readonly id: number
  readonly kind: 'exclusive' | 'shared'
  readonly key: string
}

/**
 * A call of the leader: the worker that runs the synchronization for all. `id` is the caller's number of the call,
 * `call` that of the primary process. Texts are JSON of its own: numbers keep their digits.
 */
export type LeaderMessageFromWorker =
  /** Stands for election; at most once until `resigned`. */
  | { readonly type: 'campaign' }
  /** Accepts calls. */
  | { readonly type: 'leading' }
  /** Accepts no further calls. */
  | { readonly type: 'resign' }
  /** Another worker may lead. */
  | { readonly type: 'resigned' }
  | { readonly type: 'call'; readonly id: number; readonly text: string }
  /** The caller has disconnected, or cancels the call. */
  | { readonly type: 'abort'; readonly id: number }
  /** The next part of an answer. */
  | { readonly type: 'part'; readonly call: number; readonly text: string }
  /** The last part of an answer. */
  | { readonly type: 'answer'; readonly call: number; readonly text: string }

export type LeaderMessageToWorker =
  /** This worker is the leader. */
  | { readonly type: 'lead' }
  /** It is the leader no longer: what it runs for all has to stop; `resigned` follows. */
  | { readonly type: 'deposed' }
  /** A leader accepts calls. */
  | { readonly type: 'led' }
  | { readonly type: 'call'; readonly call: number; readonly text: string }
  | { readonly type: 'abort'; readonly call: number }
  /** The leader has received the call. */
  | { readonly type: 'accepted'; readonly id: number }
  | { readonly type: 'part'; readonly id: number; readonly text: string }
  | { readonly type: 'answer'; readonly id: number; readonly text: string }
  /** The leader has ended without an answer, or there is none. */
  | { readonly type: 'lost'; readonly id: number }

/** What workers are asked for: their metrics, or how busy they are. */
export type Topic = 'metrics' | 'node'

/** Asks for parts; `about` says what of them is wanted. */
export interface Gather {
  readonly type: 'gather'
  readonly id: number
  readonly topic: Topic
  readonly about: Json
}

/** How a process has ended. */
export interface NodeExit {
  readonly pid: number
  /** ISO 8601. */
  readonly time: string
  /** Exit status; null if a signal has ended it. */
  readonly code: number | null
  readonly signal: string | null
}

/** A node as the primary process knows it: a place that one worker after the other takes. */
export interface NodeState {
  /** From 1. */
  readonly number: number
  /** Of the process that serves; null while the node is down. */
  readonly pid: number | null
  /** When its process was started, ISO 8601. */
  readonly startup: string
  readonly leads: boolean
  /** How often its process was replaced. */
  readonly restarts: number
  /** How the process before this one has ended, or that of a node that is down. */
  readonly lastExit: NodeExit | null
}

export type FromWorker =
  /** The worker now receives messages; earlier ones would be lost. */
  | { readonly type: 'hello' }
  /** @param local origin of the listener for commands */
  | { readonly type: 'ready'; readonly origins: readonly string[]; readonly local?: string | undefined }
  | { readonly type: 'failed'; readonly message: string }
  | LockRequest
  /** Releases a lock; with the outcome of a shared one. */
  | { readonly type: 'release'; readonly id: number; readonly outcome?: Outcome }
  /** Asks all other workers to rescan their configuration. */
  | { readonly type: 'rescan'; readonly id: number }
  | { readonly type: 'rescanned'; readonly id: number }
  | { readonly type: 'leader'; readonly message: LeaderMessageFromWorker }
  /** Asks all other workers for their parts. */
  | Gather
  | { readonly type: 'part'; readonly id: number; readonly part: Json }
  /** Asks the primary process for the nodes. */
  | { readonly type: 'nodes'; readonly id: number }

export type ToWorker =
  | { readonly type: 'stop' }
  | { readonly type: 'reload' }
  /** The process of another worker has ended. */
  | { readonly type: 'left'; readonly pid: number }
  /** The lock is acquired. */
  | { readonly type: 'acquired'; readonly id: number }
  /** The outcome of the holder of a shared lock. */
  | { readonly type: 'outcome'; readonly id: number; readonly outcome: Outcome }
  | { readonly type: 'rescan'; readonly id: number }
  /** All other workers have rescanned. */
  | { readonly type: 'rescanned'; readonly id: number }
  | { readonly type: 'leader'; readonly message: LeaderMessageToWorker }
  | Gather
  /** The parts of the other workers. */
  | { readonly type: 'gathered'; readonly id: number; readonly parts: readonly Json[] }
  | { readonly type: 'nodes'; readonly id: number; readonly nodes: readonly NodeState[] }
