import type { PostgresDatabase } from '../postgres/database.ts'
import { insertRows } from '../sql/statements/insert-rows.ts'
import { all, first, run, type Work } from '../sql/statements/work.ts'
import { type CopiedRow, type CopiedTable, nextRows } from './tables.ts'

/** Its presence says that an export has not come to its end: no gateway starts on the tables. */
export const PROGRESS = 'repository_export'

/** How far a table has come. */
export interface TableProgress {
  /** The key of the last row that was copied; undefined = none was. */
  readonly last: CopiedRow | undefined
  readonly rows: number
}

/** The tables on the server that rows are copied to. */
export class ExportTarget {
  readonly #db: PostgresDatabase

  constructor(db: PostgresDatabase) {
    this.#db = db
  }

  /**
   * Begins an export, or goes on with one.
   * @returns whether an earlier one goes on
   * @throws Error when the tables hold something that no export has put there
   */
  begin(tables: readonly CopiedTable[]): Promise<boolean> {
    return this.#db.write(function* () {
      const known = yield* first<{ found: string | null }>(`select to_regclass('${PROGRESS}')::text as found`)
      if (known?.found) return true
      for (const { name } of tables)
        if (yield* first(`select 1 from ${name} limit 1`))
          throw new Error(`its table ${name} has rows: an export needs empty tables`)
      yield* run(`create table ${PROGRESS} (name text primary key, last text, rows bigint not null)`)
      return false
    })
  }

  async progress({ name }: CopiedTable): Promise<TableProgress> {
    const text = `select last, rows from ${PROGRESS} where name = ?`
    const row = await this.#db.run(first<{ last: string | null; rows: number }>(text, [name]))
    return { last: row?.last == null ? undefined : (JSON.parse(row.last) as CopiedRow), rows: row?.rows ?? 0 }
  }

  /** Adds rows, and notes how far that goes, in one transaction. */
  async add(table: CopiedTable, columns: readonly string[], rows: readonly CopiedRow[]): Promise<void> {
    const { dialect } = this.#db
    const into = `insert into ${table.name} (${columns.join(', ')})`
    const last = rows.at(-1)
    const key = JSON.stringify(table.key.map((column) => last?.[columns.indexOf(column)]))
    await this.#db.write(function* (): Work<void> {
      yield* insertRows(dialect, into, [], { width: columns.length, values: rows.flat() })
      yield* run(NOTE, [table.name, key, rows.length])
    })
  }

  /** See `nextRows`. */
  async after(
    table: CopiedTable,
    columns: readonly string[],
    last: CopiedRow | undefined,
    limit: number,
  ): Promise<CopiedRow[]> {
    const { text, parameters } = nextRows(table, columns, last, limit)
    const rows = await this.#db.run(all<Record<string, unknown>>(text, parameters))
    return rows.map((row) => columns.map((column) => row[column]))
  }

  /** Lets new rows get higher numbers than this. */
  async setNumber({ name, identity }: CopiedTable, last: number): Promise<void> {
    if (identity === undefined || last === 0) return
    const text = `select setval(pg_get_serial_sequence('${name}', '${identity}'), ?::bigint)`
    await this.#db.write(() => all(text, [last]))
  }

  async end(): Promise<void> {
    await this.#db.write(() => run(`drop table ${PROGRESS}`))
  }
}

const NOTE = `insert into ${PROGRESS} (name, last, rows) values (?1, ?2, ?3)
  on conflict (name) do update set last = excluded.last, rows = ${PROGRESS}.rows + excluded.rows`
