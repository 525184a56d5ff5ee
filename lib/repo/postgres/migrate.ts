import { JOB_LAYOUT, jobLayoutOf, migrateJobs } from './boss.ts'
import { exceptionOf } from './failure.ts'
import { lockNumber } from './lock-number.ts'
import { createClient, type Pool, type PoolOptions, schemaName } from './pool.ts'
import { SERVES, STEPS } from './schema.ts'

/** The version of the tables that this release uses. */
export const LAYOUT = STEPS.length

/** What a migration has found and left. */
export interface Migrated {
  /** 0 = there were no tables. */
  readonly from: number
  readonly to: number
  /** Whether the tables for jobs, which have versions of their own, were created or upgraded. */
  readonly hasChangedJobs: boolean
}

/**
 * Brings the tables up to date, all steps or none; creates the schema. Then those for jobs, in a schema of their own, in the
 * same way. A gateway that is running on tables of the same version is not disturbed.
 * @throws Error when a newer release has been here, or the server cannot be used
 */
export async function migratePostgres(options: PoolOptions): Promise<Migrated> {
  const client = createClient({ ...options, statementTimeoutMs: 0 })
  // What fails is told by the statement that waits.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(`select pg_advisory_lock(${lockNumber(options.schema ?? '', 'migration')})`)
    const jobs = await jobLayoutOf(client, options.schema)
    assertKnown('tables for jobs', jobs ?? 0, JOB_LAYOUT)
    await client.query('begin')
    if (options.schema !== undefined) await client.query(`create schema if not exists ${schemaName(options.schema)}`)
    await client.query('create table if not exists schema_version (version integer primary key)')
    const from = (await layoutOf(client)) ?? 0
    assertKnown('tables', from, LAYOUT)
    for (const [index, statements] of STEPS.entries()) {
      if (index < from) continue
      for (const statement of statements) await client.query(statement)
      await client.query('insert into schema_version (version) values ($1)', [index + 1])
    }
    await client.query('update schema_version set serves = $1 where version = $2', [SERVES, LAYOUT])
    await client.query('commit')
    await migrateJobs(client, options, jobs)
    return { from, to: LAYOUT, hasChangedJobs: jobs !== JOB_LAYOUT }
  } catch (error) {
    throw exceptionOf(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** @throws Error when this release cannot use the tables */
export async function assertLayout(pool: Pick<Pool, 'query'>, schema: string | undefined): Promise<void> {
  const layout = await layoutOf(pool).catch((error: unknown) => {
    if ((error as { code?: string }).code === '42P01') return undefined
    throw error
  })
  const { rows } = await pool.query(`select to_regclass('repository_export')::text as found`)
  if ((rows[0] as { found: string | null }).found !== null)
    throw new Error('an export into it has not ended; run "openidm-external-idm repo export" again')
  const isServed = layout !== undefined && layout > LAYOUT && (await oldestServed(pool, layout)) <= LAYOUT
  if (!isServed) assertUpToDate('tables', layout, LAYOUT)
  assertUpToDate('tables for jobs', await jobLayoutOf(pool, schema), JOB_LAYOUT)
}

function assertUpToDate(what: string, layout: number | undefined, needed: number): void {
  if (layout === undefined) throw new Error(`it has no ${what} yet; create them with ${MIGRATE}`)
  assertKnown(what, layout, needed)
  if (layout < needed)
    throw new Error(
      `its ${what} have version ${layout}, and this release needs ${needed}; upgrade them with ${MIGRATE}`,
    )
}

const MIGRATE = '"openidm-external-idm repo migrate"'

async function layoutOf(on: Pick<Pool, 'query'>): Promise<number | undefined> {
  const { rows } = await on.query('select max(version) as version from schema_version')
  return (rows[0] as { version: number | null } | undefined)?.version ?? undefined
}

/** The oldest version whose releases can use tables of a newer one. */
async function oldestServed(on: Pick<Pool, 'query'>, layout: number): Promise<number> {
  const { rows } = await on.query('select serves from schema_version where version = $1', [layout])
  return (rows[0] as { serves: number | null } | undefined)?.serves ?? layout
}

function assertKnown(what: string, layout: number, supported: number): void {
  if (layout > supported)
    throw new Error(`its ${what} have version ${layout}, made by a newer release; this one supports up to ${supported}`)
}
