import { statSync } from 'node:fs'
import { serviceUnavailable } from '../../../crest/errors.ts'

/** The log of the database, which lies beside it as long as it is open. */
const LOG_SUFFIX = '-wal'

/**
 * The file of an open database. SQLite goes on with a file that was deleted or replaced under it: what it writes is lost
 * when it is closed.
 */
export class DatabaseFile {
  readonly path: string
  /** By path, as they were first seen. */
  readonly #identities = new Map<string, string>()
  /** 1 = the file is lost. The thread that writes and the thread that asks share it. */
  readonly #lost: Int32Array

  /** @param lost shared memory of one element */
  constructor(path: string, lost: Int32Array = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))) {
    this.path = path
    this.#lost = lost
  }

  /** Notes which file was opened. */
  opened(): void {
    this.#isPresent(this.path)
  }

  /** One sentence for a person when the files are not those that were opened; it stays so until a restart. */
  get fault(): string | undefined {
    if (!this.#isLost && !(this.#isPresent(this.path) && this.#isPresent(this.path + LOG_SUFFIX)))
      Atomics.store(this.#lost, 0, 1)
    return this.#isLost
      ? `The database ${this.path} was deleted or replaced while it was in use: restart with the right file in its place`
      : undefined
  }

  /** @throws ResourceException 503: what is written now would be lost */
  assertPresent(): void {
    const { fault } = this
    if (fault !== undefined) throw serviceUnavailable('The database cannot be written to', { cause: new Error(fault) })
  }

  get #isLost(): boolean {
    return Atomics.load(this.#lost, 0) === 1
  }

  #isPresent(path: string): boolean {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    const identity = found && `${found.dev}:${found.ino}`
    const known = this.#identities.get(path)
    // The log is made with the first write.
    if (known === undefined && identity !== undefined) this.#identities.set(path, identity)
    return known === undefined || known === identity
  }
}
