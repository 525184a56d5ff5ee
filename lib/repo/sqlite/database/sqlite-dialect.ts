import type { DatabaseFile } from './database-file.ts'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from './kysely.ts'
import { SqliteFile } from './sqlite-file.ts'

/**
 * Puts the embedded database under the query builder, which lets one caller at a time have the one connection: a
 * transaction never sees statements of another.
 */
export const sqliteDialect = (file: DatabaseFile): Dialect => ({
  createAdapter: () => new SqliteAdapter(),
  createDriver: () => new SqliteDriver(file),
  createIntrospector: (database) => new SqliteIntrospector(database),
  createQueryCompiler: () => new SqliteQueryCompiler(),
})

class SqliteDriver implements Driver {
  readonly #file: DatabaseFile
  #connection: SqliteConnection | undefined

  constructor(file: DatabaseFile) {
    this.#file = file
  }

  async init(): Promise<void> {
    this.#connection = new SqliteConnection(new SqliteFile(this.#file))
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    if (!this.#connection) throw new Error('the database is not open')
    return this.#connection
  }

  /** At once a writer: a transaction that becomes one later may find that it cannot. */
  beginTransaction = (connection: DatabaseConnection) => run(connection, 'begin immediate')
  commitTransaction = (connection: DatabaseConnection) => run(connection, 'commit')

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#connection?.file.isInTransaction) await run(connection, 'rollback')
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#connection?.file.close()
    this.#connection = undefined
  }
}

const run = async (connection: DatabaseConnection, command: string): Promise<void> => {
  await connection.executeQuery(CompiledQuery.raw(command))
}

class SqliteConnection implements DatabaseConnection {
  readonly file: SqliteFile

  constructor(file: SqliteFile) {
    this.file = file
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = this.file.execute(sql, parameters)
    return { rows: rows as R[], numAffectedRows: BigInt(changes) }
  }

  /** An open cursor would hold up all writes for as long as its reader likes: this room reads in bounded pieces. */
  // biome-ignore lint/correctness/useYield: it refuses
  async *streamQuery<R>(): AsyncGenerator<QueryResult<R>> {
    throw new Error('streaming is not supported: read in pages')
  }
}
