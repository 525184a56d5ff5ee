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
  #isLost = false

  constructor(path: string) {
    this.path = path
  }

  /** Notes which file was opened. */
  opened(): void {
    this.#isPresent(this.path)
  }

  /** One sentence for a person when the files are not those that were opened; it stays so until a restart. */
  get fault(): string | undefined {
    this.#isLost ||= !this.#isPresent(this.path) || !this.#isPresent(this.path + LOG_SUFFIX)
    return this.#isLost
      ? `The database ${this.path} was deleted or replaced while it was in use: restart with the right file in its place`
      : undefined
  }

  /** @throws ResourceException 503: what is written now would be lost */
  assertPresent(): void {
    const { fault } = this
    if (fault !== undefined) throw serviceUnavailable('The database cannot be written to', { cause: new Error(fault) })
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
