import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { installJsonFunctions } from '../objects/sqlite-json.ts'
import type { DatabaseFile } from './database-file.ts'

/**
 * WAL with `synchronous = FULL`: a commit is on the disk before it is acknowledged, so neither kill -9 nor a power cut
 * takes it back. NORMAL would outlive kill -9 too, but not a power cut; it saves half a millisecond a write, which a
 * store of people's accounts is not worth. The busy time-out is for a backup or a shell that holds the file. Temporary
 * tables are gone with the process in any case: what they take back is kept in memory.
 */
const SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA busy_timeout = 2000;
  PRAGMA cache_size = -16000;
  PRAGMA temp.cache_size = -8000;
  PRAGMA temp.journal_mode = MEMORY;
`

/** Filters make ever new texts: this many statements are kept, the least recently used goes first. */
const MAX_STATEMENTS = 200

/** Statements of a transaction stand between two of these; they need no look of their own, but get one. */
const WRITING = /^\s*(?:begin|commit|insert|update|delete|replace|create|drop|alter)\b/i

interface Statement {
  readonly statement: StatementSync
  readonly returnsRows: boolean
  readonly writes: boolean
}

export interface StatementResult {
  readonly rows: unknown[]
  readonly changes: number | bigint
}

/** The embedded database: one file, one connection, statements prepared once. */
export class SqliteFile {
  readonly #file: DatabaseFile
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, Statement>()

  /** Opens `file` and makes it, with its folder, when it is not there; only its owner may read it. */
  constructor(file: DatabaseFile) {
    const { path } = file
    mkdirSync(dirname(path), { recursive: true })
    closeSync(openSync(path, 'a', 0o600))
    this.#file = file
    this.#database = new (loadSqlite().DatabaseSync)(path)
    file.opened()
    try {
      this.#database.exec(SETTINGS)
      installJsonFunctions(this.#database)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  execute(text: string, parameters: readonly unknown[]): StatementResult {
    const { statement, returnsRows, writes } = this.#prepare(text)
    const values = parameters as SQLInputValue[]
    if (writes) this.#file.assertPresent()
    if (returnsRows) return { rows: statement.all(...values), changes: 0 }
    return { rows: [], changes: statement.run(...values).changes }
  }

  /** False once the database itself has rolled back, as it does when the disk is full. */
  get isInTransaction(): boolean {
    return this.#database.isTransaction
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #prepare(text: string): Statement {
    const known = this.#statements.get(text)
    const found = known ?? this.#compile(text)
    this.#statements.delete(text)
    this.#statements.set(text, found)
    const [oldest] = this.#statements.keys()
    if (this.#statements.size > MAX_STATEMENTS && oldest !== undefined) this.#statements.delete(oldest)
    return found
  }

  #compile(text: string): Statement {
    const statement = this.#database.prepare(text)
    return { statement, returnsRows: statement.columns().length > 0, writes: WRITING.test(text) }
  }
}

/** Node 22 warns at the first use of its SQLite; the warning says nothing to those who run us, so it is not printed. */
function loadSqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).includes('SQLite is an experimental feature')) emitWarning(warning, ...rest)
  }) as typeof process.emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}
