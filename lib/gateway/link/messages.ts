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

export type FromWorker =
  /** The worker now receives messages; earlier ones would be lost. */
  | { readonly type: 'hello' }
  | { readonly type: 'ready'; readonly origins: readonly string[] }
  | { readonly type: 'failed'; readonly message: string }
  | LockRequest
  /** Releases a lock; with the outcome of a shared one. */
  | { readonly type: 'release'; readonly id: number; readonly outcome?: Outcome }
  /** Asks all other workers to rescan their configuration. */
  | { readonly type: 'rescan'; readonly id: number }
  | { readonly type: 'rescanned'; readonly id: number }

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
