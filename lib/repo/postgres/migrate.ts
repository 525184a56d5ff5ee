import { exceptionOf } from './failure.ts'
import { lockNumber } from './lock-number.ts'
import { createClient, type Pool, type PoolOptions, schemaName } from './pool.ts'
import { STEPS } from './schema.ts'

/** The version of the tables that this release uses. */
export const LAYOUT = STEPS.length

/** What a migration has found and left. */
export interface Migrated {
  /** 0 = there were no tables. */
  readonly from: number
  readonly to: number
}

/**
 * Brings the tables up to date, all steps or none; creates the schema. A gateway that is running on tables of the same
 * version is not disturbed.
 * @throws Error when a newer release has been here, or the server cannot be used
 */
export async function migratePostgres(options: PoolOptions): Promise<Migrated> {
  const client = createClient({ ...options, statementTimeoutMs: 0 })
  // What fails is told by the statement that waits.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('begin')
    await client.query(`select pg_advisory_xact_lock(${lockNumber(options.schema ?? '', 'migration')})`)
    if (options.schema !== undefined) await client.query(`create schema if not exists ${schemaName(options.schema)}`)
    await client.query('create table if not exists schema_version (version integer primary key)')
    const from = (await layoutOf(client)) ?? 0
    assertKnown(from)
    for (const [index, statements] of STEPS.entries()) {
      if (index < from) continue
      for (const statement of statements) await client.query(statement)
      await client.query('insert into schema_version (version) values ($1)', [index + 1])
    }
    await client.query('commit')
    return { from, to: LAYOUT }
  } catch (error) {
    throw exceptionOf(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** @throws Error when the tables are not those of this release */
export async function assertLayout(pool: Pick<Pool, 'query'>): Promise<void> {
  const layout = await layoutOf(pool).catch((error: unknown) => {
    if ((error as { code?: string }).code === '42P01') return undefined
    throw error
  })
  const { rows } = await pool.query(`select to_regclass('repository_export')::text as found`)
  if ((rows[0] as { found: string | null }).found !== null)
    throw new Error('an export into it has not ended; run "openidm-external-idm repo export" again')
  if (layout === undefined) throw new Error(`it has no tables yet; create them with ${MIGRATE}`)
  assertKnown(layout)
  if (layout < LAYOUT)
    throw new Error(`its tables have version ${layout}, and this release needs ${LAYOUT}; upgrade them with ${MIGRATE}`)
}

const MIGRATE = '"openidm-external-idm repo migrate"'

async function layoutOf(on: Pick<Pool, 'query'>): Promise<number | undefined> {
  const { rows } = await on.query('select max(version) as version from schema_version')
  return (rows[0] as { version: number | null } | undefined)?.version ?? undefined
}

function assertKnown(layout: number): void {
  if (layout > LAYOUT)
    throw new Error(`its tables have version ${layout}, made by a newer release; this one supports up to ${LAYOUT}`)
}
