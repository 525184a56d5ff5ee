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
  /** Asks all other workers for their parts, such as their metrics. */
  | { readonly type: 'gather'; readonly id: number; readonly about: Json }
  | { readonly type: 'part'; readonly id: number; readonly part: Json }

export type ToWorker =
  | { readonly type: 'stop' }
  | { readonly type: 'reload' }
  /** The lock is acquired. */
  | { readonly type: 'acquired'; readonly id: number }
  /** The outcome of the holder of a shared lock. */
  | { readonly type: 'outcome'; readonly id: number; readonly outcome: Outcome }
  | { readonly type: 'rescan'; readonly id: number }
  /** All other workers have rescanned. */
  | { readonly type: 'rescanned'; readonly id: number }
  | { readonly type: 'leader'; readonly message: LeaderMessageToWorker }
  | { readonly type: 'gather'; readonly id: number; readonly about: Json }
  /** The parts of the other workers. */
  | { readonly type: 'gathered'; readonly id: number; readonly parts: readonly Json[] }
