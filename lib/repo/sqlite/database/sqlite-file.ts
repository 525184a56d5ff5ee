import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { LRUCache } from '../../../core/lru-cache.ts'
import type { DatabaseFile } from './database-file.ts'
import { openDatabase } from './open-database.ts'
import type { Session } from './session.ts'

/**
 * WAL with `synchronous = FULL`: a commit is on the disk before it is acknowledged, so neither kill -9 nor a power cut
 * takes it back. NORMAL would outlive kill -9 too, but not a power cut; it saves half a millisecond a write, which a
 * store of people's accounts is not worth. Temporary tables are gone with the process in any case: what they take back
 * is kept in memory.
 */
const SETTINGS = `
  PRAGMA busy_timeout = 2000;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA secure_delete = FAST;
  PRAGMA cache_size = -16000;
  PRAGMA temp.cache_size = -8000;
  PRAGMA temp.journal_mode = MEMORY;
`

/** Max prepared statements that are kept: the texts of filters have no end. */
const MAX_STATEMENTS = 200

/** Before these the file is looked at; the statements of a transaction stand between two of them. */
const WRITING = /^\s*(?:begin|commit|insert|update|delete|replace|create|drop|alter)\b/i
const COMMIT = /^\s*commit\b/i

interface Statement {
  readonly statement: StatementSync
  readonly writes: boolean
  readonly commits: boolean
}

/** Adds SQL functions to a connection. */
export type Install = (database: DatabaseSync) => void

/** The embedded database: one file, one connection, statements prepared once. */
export class SqliteFile implements Session {
  readonly #file: DatabaseFile
  readonly #database: DatabaseSync
  readonly #statements = new LRUCache<string, Statement>({ max: MAX_STATEMENTS })

  /** Opens `file`. It is created when it does not exist, with its folder; only its owner may read it. */
  constructor(file: DatabaseFile, install: Install) {
    const { path } = file
    mkdirSync(dirname(path), { recursive: true })
    this.#file = file
    this.#database = openDatabase(path)
    file.opened()
    try {
      this.#database.exec(SETTINGS)
      install(this.#database)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  all<T>(text: string, parameters: readonly unknown[] = []): T[] {
    return this.#prepared(text).all(...(parameters as SQLInputValue[])) as T[]
  }

  run(text: string, parameters: readonly unknown[] = []): number {
    return Number(this.#prepared(text).run(...(parameters as SQLInputValue[])).changes)
  }

  /** False once the database itself has rolled back, as it does when the disk is full. */
  get isInTransaction(): boolean {
    return this.#database.isTransaction
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #prepared(text: string): StatementSync {
    const { statement, writes, commits } = this.#statements.get(text) ?? this.#compile(text)
    if (commits || (writes && !this.isInTransaction)) this.#file.assertPresent()
    return statement
  }

  #compile(text: string): Statement {
    const statement = {
      statement: this.#database.prepare(text),
      writes: WRITING.test(text),
      commits: COMMIT.test(text),
    }
    this.#statements.set(text, statement)
    return statement
  }
}
