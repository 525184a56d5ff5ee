/** What the two threads say to each other. Values are what the structured clone algorithm takes. */

/** An operation on one of the stores of a database. */
export interface Call {
  readonly id: number
  readonly database: number
  readonly store: string
  readonly method: string
  readonly args: readonly unknown[]
  /** The method takes an AbortSignal after `args`; an Abort with the same id aborts it. */
  readonly isAbortable: boolean
}

export interface Abort {
  readonly abort: number
}

/** Messages of one turn, in order. */
export type Request = readonly (Call | Abort)[]

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure }

/** A line for the log of a database. */
export interface Notice {
  readonly database: number
  readonly notice: string
}

export type Reply = readonly (Answer | Notice)[]

/** An error as data. */
export interface Failure {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly cause: Failure | undefined
  /** Of a ResourceException. */
  readonly resource?: {
    readonly code: number
    readonly reason: string
    readonly detail: unknown
    readonly retryAfterMs: number | undefined
  }
  /** Of a UniqueViolation. */
  readonly property?: string
  /** Of an error of SQLite or of the file system. */
  readonly code?: unknown
  readonly errcode?: unknown
}

/** What a worker starts with. */
export interface WorkerData {
  /** Where compiled code is cached, as in the main thread. */
  readonly compileCache: string | undefined
}

/** The store whose methods open and close a database. */
export const LIFE = 'life'

/** The argument of `life.open`. */
export interface OpenOptions {
  readonly file: string
  /** Shared memory: see `DatabaseFile`. */
  readonly lost: Int32Array
  readonly window: number
  readonly maxLockWaitMs: number
}
