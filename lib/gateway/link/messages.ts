/** What the processes of a gateway with several workers say to each other. Everything goes through the first process. */
import type { Json } from '../../contract.ts'

/** How a piece of work ended, as it is told in another process. */
export type Outcome =
  | { readonly result: Json }
  | { readonly error: { readonly code: number; readonly message: string } }

/** A worker asks for its turn: `alone` for one at a time, `share` for one whose outcome all who ask meanwhile get. */
export interface TurnRequest {
  readonly type: 'turn'
  readonly id: number
  readonly kind: 'alone' | 'share'
  readonly key: string
}

export type FromWorker =
  /** It listens to what is said; before that, nothing would reach it. */
  | { readonly type: 'hello' }
  | { readonly type: 'ready'; readonly origins: readonly string[] }
  | { readonly type: 'failed'; readonly message: string }
  | TurnRequest
  /** The turn is over; with its outcome when it was a shared one. */
  | { readonly type: 'over'; readonly id: number; readonly outcome?: Outcome }
  /** All others are to look at their configuration. */
  | { readonly type: 'rescan'; readonly id: number }
  | { readonly type: 'rescanned'; readonly id: number }

export type ToWorker =
  | { readonly type: 'stop' }
  | { readonly type: 'reload' }
  /** The turn that was asked for has come. */
  | { readonly type: 'go'; readonly id: number }
  /** Another process has done it. */
  | { readonly type: 'outcome'; readonly id: number; readonly outcome: Outcome }
  | { readonly type: 'rescan'; readonly id: number }
  /** All others have done so. */
  | { readonly type: 'rescanned'; readonly id: number }
