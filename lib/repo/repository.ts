import type { JsonObject, Logger, MetricsRegistry } from '../contract.ts'
import type { Cluster } from './cluster.ts'
import type { IncrementalStore } from './incremental/incremental-store.ts'
import type { AgreementStore } from './links/agreement-store.ts'
import type { LinkStore } from './links/link-store.ts'
import type { ObjectStore, TypeOptions } from './objects/object-store.ts'
import type { Rewriting } from './objects/rewrite.ts'
import type { CaptureStore } from './queue/capture-store.ts'
import type { EventStore } from './queue/event-store.ts'
import type { JobQueue } from './queue/job-queue.ts'
import type { RunStore } from './runs/run-store.ts'
import type { SentValueStore } from './runs/sent-value-store.ts'

/** Encrypts data keys with the key of the project: `KeyWrapper`. */
export interface RepositoryKeys {
  /** Whether there is a key. */
  readonly hasKey: boolean
  /** Reads the keys again. */
  refresh(): Promise<void>
  /**
   * @param place what the data key is for: it is decrypted only for the same
   * @throws Error when there is no key to encrypt it with
   */
  wrap(dataKey: Uint8Array, place: string): Promise<string>
  /** @throws Error without a subject, such as `is encrypted with the key "a", and no key is configured` */
  unwrap(wrapped: string, place: string): Uint8Array
  /** Whether it is encrypted with the key that encrypts now. */
  isCurrent(wrapped: string): boolean
}

export interface RepositoryOptions {
  /** Path of the database file; created when it does not exist. */
  readonly file: string
  readonly log: Logger
  readonly metrics?: MetricsRegistry | undefined
  /** How many objects a query looks at before other work has its turn; 1000 by default. */
  readonly window?: number
  /** How long a write waits for another process that has locked the database, in milliseconds; 5000 by default. */
  readonly maxLockWaitMs?: number
  /** Encrypt the data keys of runs: without them no run can be stored, and only those of earlier versions are read. */
  readonly keys?: RepositoryKeys | undefined
  /** Of several processes with the same file: this one, and whether another one runs. Default: there are no others. */
  readonly processes?: { readonly own: string; readonly isLive: (process: string) => boolean } | undefined
  /** Runs `work` while no other process that has this database open runs work with the same key. */
  readonly alone?: ((key: string, work: () => Promise<void>) => Promise<void>) | undefined
}

/** A repository on a server. */
export interface ServerRepositoryOptions extends Omit<RepositoryOptions, 'file'> {
  /**
   * `postgresql://user:password@host:port/database`. Parameters: `sslmode` (`disable` by default), `sslrootcert`, `sslcert`
   * and `sslkey`, which name files in PEM.
   */
  readonly url: string
  /** In place of the one in the URL. */
  readonly password?: string | undefined
  /** The schema of the tables. Default: the one that the server takes for this user. */
  readonly schema?: string | undefined
  /** Max connections. Default: 10. */
  readonly size?: number | undefined
  /** How long a new connection, or a free one, is waited for, in milliseconds. Default: 5000. */
  readonly connectTimeoutMs?: number | undefined
  /** After which time a connection that is not used is closed, in milliseconds. Default: 30000. */
  readonly idleTimeoutMs?: number | undefined
  /** How long one statement may take, in milliseconds; 0 = any time. Default: 60000. */
  readonly statementTimeoutMs?: number | undefined
}

/** The right of this process to lead others on the same database, as the process itself knows it. */
export interface Fence {
  readonly epoch: number
  /** @throws ResourceException 503 when it has ended by the clock of this process */
  assertHeld(): void
  /** How long it leads unless it renews its lease, in milliseconds; not positive when it does not lead any more. */
  remaining(): number
}

/** One database: objects of any number of types, links, runs, events. */
export interface Repository {
  /** The objects of `type` (such as `managed/user`), indexed as asked for: a new index is built before it resolves. */
  store(type: string, options?: TypeOptions): Promise<ObjectStore>
  links(): LinkStore
  runs(): RunStore
  sentValues(): SentValueStore
  /** Events of queued synchronization. */
  events(): EventStore
  jobs(): JobQueue
  incremental(): IncrementalStore
  captures(): CaptureStore
  agreements(): AgreementStore
  /** Names this process in what it stores. Another start of it has another name. */
  readonly process: string
  /**
   * Those of these processes that have certainly ended. On a server, a process was not seen for a while; after an outage of the
   * server, or of this process, no process counts as ended until the others can have been seen again.
   */
  ended(processes: readonly string[]): Promise<readonly string[]>
  /** Rewrites the objects of all types whose stored text contains `text`: see `rewriteObjects`. */
  rewrite(text: string, next: (content: JsonObject) => JsonObject): Promise<Rewriting>
  /** Encrypts with the first key what other keys encrypt in runs and queued events. @returns how many data keys, and a sentence for each that stays */
  rewrapRunKeys(): Promise<{ readonly count: number; readonly failures: readonly string[] }>
  /**
   * Keeps gateways from the database until the repository closes. Of a file, the lock of its project has decided that
   * already.
   * @throws Error that says which one uses it
   */
  own(): Promise<void>
  /** What the processes on the same database agree on; undefined where it belongs to one gateway. */
  readonly cluster: Cluster | undefined
  /**
   * The same as the leader has it: nothing is written once another process leads (503).
   * @returns this one where there is no cluster
   */
  fenced(fence: Fence): Repository
  /** Why nothing can be written any more: one sentence for a person; undefined when all is well. */
  readonly fault: string | undefined
  /** Resolves when what is under way has ended; later calls fail. */
  close(): Promise<void>
}
