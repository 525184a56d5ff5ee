import { readFileSync } from 'node:fs'
import pg from 'pg'
import type { ServerRepositoryOptions } from '../repository.ts'

/** How a database is reached. */
export type PoolOptions = Pick<
  ServerRepositoryOptions,
  'url' | 'password' | 'schema' | 'size' | 'connectTimeoutMs' | 'idleTimeoutMs' | 'statementTimeoutMs'
>

export type Pool = pg.Pool
export type Client = pg.PoolClient

const SIZE = 10
const CONNECT_TIMEOUT_MS = 5000
const IDLE_TIMEOUT_MS = 30_000
const STATEMENT_TIMEOUT_MS = 60_000
/** A process that is paused in a transaction holds up the next leader no longer than its lease lasts. */
const IDLE_IN_TRANSACTION_MS = 10_000
/** Shown in `pg_stat_activity`. */
const APPLICATION = 'openidm-external-idm'

/** Integers of 8 bytes and sums of them. All that are stored are exact as a number. */
const types = new pg.TypeOverrides()
for (const oid of [pg.types.builtins.INT8, pg.types.builtins.NUMERIC]) types.setTypeParser(oid, integer)

function integer(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  throw new Error(`the number ${text} in the database is too large`)
}

/**
 * Opens no connection yet.
 * @param onConnect is awaited before a new connection is used
 */
export const createPool = (options: PoolOptions, onConnect: (client: Pick<Client, 'query'>) => Promise<void>): Pool =>
  new pg.Pool({
    ...clientOptions(options),
    // It is awaited, unlike what its type says.
    onConnect,
    // Statements that need not wait for each other are sent together.
    pipeline: true,
    max: options.size ?? SIZE,
    idleTimeoutMillis: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
  })

/** A connection beside the pool, for what lasts as long as it does. */
export const createClient = (options: PoolOptions): pg.Client =>
  new pg.Client({ ...clientOptions(options), keepAliveInitialDelayMillis: 10_000 })

/** For a pool that another package makes: its statements name their schema, and are planned as usual. */
export const foreignOptions = (options: PoolOptions): pg.ClientConfig => {
  const { options: _planning, types: _types, ...config } = clientOptions(options)
  return config
}

function clientOptions({ url, password, schema, ...options }: PoolOptions): pg.ClientConfig {
  return {
    ...addressOf(url, password),
    options: [...PLANNING, ...(schema === undefined ? [] : [`search_path=${quoted(schema)}`])]
      .map((setting) => `-c ${setting}`)
      .join(' '),
    application_name: APPLICATION,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    statement_timeout: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    types,
  }
}

/**
 * Statements follow indexes, as in SQLite. Tables for what runs see are new and have no statistics yet: the planner would
 * read all of them for each page.
 */
const PLANNING = [
  ...['jit=off', 'enable_seqscan=off', 'enable_hashjoin=off', 'enable_mergejoin=off'],
  // Joins are done in the order they are written.
  'join_collapse_limit=1',
]

/** What is in the URL counts before what is beside it. */
function addressOf(url: string, password: string | undefined): Pick<pg.ClientConfig, 'connectionString' | 'ssl'> {
  const parsed = new URL(url)
  const ssl = sslOptions(parsed.searchParams)
  for (const name of SSL_PARAMETERS) parsed.searchParams.delete(name)
  if (password !== undefined) parsed.password = encodeURIComponent(password)
  return { connectionString: parsed.href, ssl }
}

const SSL_PARAMETERS = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'] as const
/** `require` verifies as well: an encrypted connection to an unknown server gives no protection. */
const VERIFYING = ['require', 'verify-ca', 'verify-full']
/** Encrypts, and believes any certificate. */
export const UNVERIFIED = 'no-verify'

function sslOptions(parameters: URLSearchParams): pg.ClientConfig['ssl'] {
  const mode = parameters.get('sslmode') ?? (parameters.get('ssl') === 'true' ? 'require' : 'disable')
  if (mode === 'disable') return false
  if (mode !== UNVERIFIED && !VERIFYING.includes(mode))
    throw new Error(`sslmode has to be disable, ${VERIFYING.join(', ')} or ${UNVERIFIED}, not "${mode}"`)
  const content = (name: (typeof SSL_PARAMETERS)[number]) => {
    const file = parameters.get(name)
    return file === null ? undefined : readFileSync(file, 'utf8')
  }
  const [ca, cert, key] = [content('sslrootcert'), content('sslcert'), content('sslkey')]
  return { rejectUnauthorized: mode !== UNVERIFIED, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

/** As a part of the options of a connection, where a backslash protects a space. */
const quoted = (schema: string): string => `"${schema.replaceAll('"', '""')}"`.replace(/[\\ ]/g, '\\$&')

/** The schema as SQL names it. */
export const schemaName = (schema: string): string => `"${schema.replaceAll('"', '""')}"`

/** The address without user and password. */
export function displayName({ url, schema }: PoolOptions): string {
  const { host, pathname } = new URL(url)
  return `postgresql://${host}${pathname}${schema === undefined ? '' : ` (schema ${schema})`}`
}
