import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { postgresDialect } from '../postgres/dialect.ts'
import { openDatabase } from '../sqlite/database/open-database.ts'
import { type CopiedRow, type CopiedTable, nextRows } from './tables.ts'

/** A database file that no process writes to meanwhile. Its values are as a server stores them. */
export class ExportSource {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = openDatabase(file)
  }

  columns({ name }: CopiedTable): string[] {
    return this.#database.prepare(`select name from pragma_table_info('${name}') order by cid`).all().map(nameOf)
  }

  count({ name }: CopiedTable): number {
    return Number(this.#database.prepare(`select count(*) as count from ${name}`).get()?.count)
  }

  /** The highest number that the database has given out. */
  lastNumber({ name }: CopiedTable): number {
    const row = this.#database.prepare('select seq from sqlite_sequence where name = ?').get(name)
    const highest = this.#database.prepare(`select max(rowid) as last from ${name}`).get()
    return Math.max(Number(row?.seq ?? 0), Number(highest?.last ?? 0))
  }

  /** See `nextRows`. */
  after(table: CopiedTable, columns: readonly string[], last: CopiedRow | undefined, limit: number): CopiedRow[] {
    const { bytes = [] } = table
    const { text, parameters } = nextRows(table, columns, last, limit)
    const rows = this.#database.prepare(text).all(...(parameters as SQLInputValue[]))
    return rows.map((row) => columns.map((column) => (bytes.includes(column) ? asBytes(row[column]) : row[column])))
  }

  close(): void {
    this.#database.close()
  }
}

const nameOf = (row: Readonly<Record<string, unknown>>): string => String(row.name)

const asBytes = (value: unknown): unknown => (typeof value === 'string' ? postgresDialect.plain(value) : value)
