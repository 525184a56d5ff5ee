import { createHash } from 'node:crypto'
import { silentLog } from '../../core/log.ts'
import { openRepository } from '../open.ts'
import { holdAlone, postgresCluster } from '../postgres/cluster.ts'
import { PostgresDatabase } from '../postgres/database.ts'
import { migratePostgres } from '../postgres/migrate.ts'
import { displayName, type PoolOptions } from '../postgres/pool.ts'
import { ExportSource } from './source.ts'
import { COPIED_TABLES, type CopiedRow, type CopiedTable } from './tables.ts'
import { ExportTarget } from './target.ts'

/** Rows that are copied in one transaction. */
const AT_ONCE = 1000
const MAX_WAIT_MS = 30_000

/** What was exported. */
export interface Exported {
  /** Rows by table. */
  readonly counts: ReadonlyMap<string, number>
  /** Whether an export that was interrupted went on. */
  readonly wasResumed: boolean
}

export interface ExportOptions {
  /** The database file. No process uses it meanwhile. */
  readonly file: string
  readonly target: PoolOptions
  /** @param rows that are copied or compared so far @param total */
  readonly onProgress: (rows: number, total: number) => void
  /** Ends the export between two transactions: it can go on later. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Copies a repository from a file into empty tables on a server, and compares both: counts, and a digest of all rows. An
 * export that was interrupted goes on where it was; until it has ended, no gateway starts on these tables.
 * @throws Error that says what differs, or why the export cannot be done
 */
export async function exportRepository({ file, target: place, onProgress, signal }: ExportOptions): Promise<Exported> {
  // Brings the tables of the file up to date.
  await (await openRepository({ file, log: silentLog })).close()
  await migratePostgres(place)
  const name = displayName(place)
  const db = new PostgresDatabase({ ...place, maxWaitMs: MAX_WAIT_MS, onLost: () => undefined })
  const source = new ExportSource(file)
  let release: (() => Promise<void>) | undefined
  try {
    release = await holdAlone(postgresCluster({ ...place, db, name, log: silentLog }), { name, maxWaitMs: 0 })
    const target = new ExportTarget(db)
    const wasResumed = await target.begin(COPIED_TABLES)
    const counts = new Map(COPIED_TABLES.map((table) => [table.name, source.count(table)]))
    const total = 2 * [...counts.values()].reduce((sum, count) => sum + count, 0)
    let done = 0
    const advance = (rows: number) => {
      done += rows
      onProgress(done, total)
      signal?.throwIfAborted()
    }
    for (const table of COPIED_TABLES) await copy(table, source, target, advance)
    for (const table of COPIED_TABLES) await compare(table, source, target, advance)
    for (const table of COPIED_TABLES) if (table.identity) await target.setNumber(table, source.lastNumber(table))
    await target.end()
    return { counts, wasResumed }
  } finally {
    source.close()
    await release?.()
    await db.close()
  }
}

type Advance = (rows: number) => void

async function copy(table: CopiedTable, source: ExportSource, target: ExportTarget, advance: Advance): Promise<void> {
  const columns = source.columns(table)
  const progress = await target.progress(table)
  advance(progress.rows)
  for (let { last } = progress; ; ) {
    const rows = source.after(table, columns, last, AT_ONCE)
    if (rows.length === 0) return
    await target.add(table, columns, rows)
    last = keyOf(table, columns, rows.at(-1))
    advance(rows.length)
  }
}

/** @throws Error when a row of one side is not on the other, or is another one */
async function compare(
  table: CopiedTable,
  source: ExportSource,
  target: ExportTarget,
  advance: Advance,
): Promise<void> {
  const columns = source.columns(table)
  const [here, there] = [createHash('sha256'), createHash('sha256')]
  for (let last: CopiedRow | undefined; ; ) {
    const rows = source.after(table, columns, last, AT_ONCE)
    const copied = await target.after(table, columns, last, AT_ONCE)
    here.update(textOf(rows))
    there.update(textOf(copied))
    last = keyOf(table, columns, rows.at(-1))
    advance(rows.length)
    if (rows.length < AT_ONCE && copied.length < AT_ONCE) break
    if (rows.length === 0) break
  }
  if (here.digest('hex') !== there.digest('hex'))
    throw new Error(
      `table ${table.name} differs from the file: it was changed since. Drop the schema, and export again`,
    )
}

const keyOf = ({ key }: CopiedTable, columns: readonly string[], row: CopiedRow | undefined): CopiedRow | undefined =>
  row && key.map((column) => row[columns.indexOf(column)])

const textOf = (rows: readonly CopiedRow[]): string =>
  JSON.stringify(rows.map((row) => row.map((value) => (ArrayBuffer.isView(value) ? encoded(value) : value))))

const encoded = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string[] => [
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('base64'),
]
