import type { Dialect } from './dialect.ts'
import type { Work } from './work.ts'

/**
 * What a transaction holds until it ends, so that others with the same name wait for it. A database that does one write
 * after the other needs none.
 */
export interface Lock {
  readonly name: string
  /** Those that share it do not wait for each other. */
  readonly isShared?: boolean
}

export interface WriteOptions {
  /**
   * Whether the commit has to outlive a power failure. Default: true. If false, a database in this process may
   * acknowledge it before: after a power failure this process is gone as well. A server always waits for its disk, because
   * this process goes on when the server fails.
   */
  readonly isDurable?: boolean
  readonly locks?: readonly Lock[]
}

/** Runs work on a database. */
export interface Database {
  readonly dialect: Dialect
  /** Another number: what was in the tables for what runs see is gone. */
  readonly epoch: number
  /** Runs statements, each for itself. */
  run<T>(work: Work<T>): Promise<T>
  /**
   * Runs a transaction: all of it happens or nothing.
   * @param work may be called again when other transactions have got in its way
   * @throws what `work` throws; ResourceException 503 when the database is locked or away
   */
  write<T>(work: () => Work<T>, options?: WriteOptions): Promise<T>
}
