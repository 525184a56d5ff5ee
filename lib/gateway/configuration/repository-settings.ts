/** Where the repository is: the environment, or `conf/repo.json`, which may leave the address to IDM's files. */
import { join } from 'node:path'
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { DURATION_FORMS, parseDuration } from '../../core/time/duration.ts'
import type { ServerRepositoryOptions } from '../../repo/repository.ts'
import { DATABASE, type Project } from '../project/project.ts'
import { StartError, startError } from '../project/start-error.ts'
import type { HostConfiguration } from './host-configuration.ts'

/** Apart from the tables of others: IDM's own are in `openidm`. */
export const DEFAULT_SCHEMA = 'external_idm'
/** Names a server before any file does. */
export const REPO_URL = 'OPENIDM_REPO_URL'

const URL_FORM = 'must be a URL such as postgresql://openidm@db.example.com/openidm'
const TIME_FORM = `must be ${DURATION_FORMS}`
const SIZE_FORM = 'must be a number of connections from 2 to 1000'

const time = z.union([z.string(), z.number()], TIME_FORM).transform((value, context) => {
  const ms = parseDuration(value)
  if (ms !== undefined) return ms
  context.addIssue({ code: 'custom', message: TIME_FORM })
  return z.NEVER
})

const pool = z.strictObject({
  size: z.int(SIZE_FORM).min(2, SIZE_FORM).max(1000, SIZE_FORM).default(10),
  connectTimeout: time.prefault('5 seconds'),
  idleTimeout: time.prefault('30 seconds'),
  statementTimeout: time.prefault('1 minute'),
})

const url = z.string(URL_FORM).superRefine((text, context) => {
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (!parsed || !isPostgres(parsed)) context.addIssue({ code: 'custom', message: URL_FORM })
  else if (parsed.password !== '')
    context.addIssue({ code: 'custom', message: 'must hold no password: put that into "password"' })
})

/** The schema of `conf/repo.json`. */
export const repositorySchema = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('sqlite') }),
    z.strictObject({
      type: z.literal('postgresql'),
      /** Default: what IDM's `repo.jdbc.json` and its data source say. */
      url: url.optional(),
      password: z.string('must be a text').optional(),
      schema: z.string('must be the name of a schema').min(1).max(63).default(DEFAULT_SCHEMA),
      pool: pool.prefault({}),
    }),
  ],
  '"type" must be "postgresql" or "sqlite"',
)

export type RepositorySettings = z.infer<typeof repositorySchema>

type ServerPlace = Pick<
  ServerRepositoryOptions,
  'url' | 'password' | 'schema' | 'size' | 'connectTimeoutMs' | 'idleTimeoutMs' | 'statementTimeoutMs'
>

/** What opening a repository needs to find it. */
export type RepositoryPlace = { readonly file: string } | ServerPlace

/**
 * Where the repository of a project is: what the environment says, else `repo.json`, else a file in `db/`. Files of IDM
 * alone decide nothing: they come with a configuration that is tried out, and name the database of that IDM.
 * @throws StartError that names the file: a gateway must not start on another database than the one that is meant
 */
export function repositoryPlace(
  { db }: Pick<Project, 'db'>,
  { directory, resolver }: Pick<HostConfiguration, 'directory' | 'resolver'>,
  env: Readonly<Record<string, string | undefined>>,
): RepositoryPlace {
  const given = env[REPO_URL]
  if (given) return serverOf(given, REPO_URL)
  const contentOf = (id: string): JsonObject | undefined => {
    const found = directory.find(id)
    if (!found) return undefined
    if (!found.raw) throw new StartError(found.error ?? `${found.file}: cannot be read`)
    try {
      return resolver.resolve(found.raw, found.file)
    } catch (error) {
      throw startError(found.file, error)
    }
  }
  const own = contentOf('repo')
  if (!own) return inFile(db)
  const file = directory.fileOf('repo')
  const settings = parsed(own, file)
  if (settings.type === 'sqlite' || settings.url !== undefined) return placeOf(settings, db)
  const ofIdm = settingsOfIdm(contentOf)
  if (ofIdm) return placeOf(parsed({ ...ofIdm, ...own }, file), db)
  throw new StartError(`${file}: "url" is missing, and no repo.jdbc.json with a data source names PostgreSQL`)
}

/**
 * The server that a URL names, which may hold a password and the parameter `schema`.
 * @param source names it in messages
 * @throws StartError
 */
export function serverOf(text: string, source: string): ServerPlace {
  const place = placeOf(parsed({ type: 'postgresql', ...withoutPassword(text) }, source), '')
  if ('url' in place) return place
  throw new StartError(`${source}: ${URL_FORM}`)
}

const inFile = (db: string): RepositoryPlace => ({ file: join(db, DATABASE) })

function placeOf(settings: RepositorySettings, db: string): RepositoryPlace {
  if (settings.type === 'sqlite' || settings.url === undefined) return inFile(db)
  const { url, password, schema } = settings
  const { size, connectTimeout, idleTimeout, statementTimeout } = settings.pool
  const unlimited = (ms: number) => (Number.isFinite(ms) ? ms : 0)
  return {
    ...{ url, password, schema, size },
    connectTimeoutMs: unlimited(connectTimeout),
    idleTimeoutMs: unlimited(idleTimeout),
    statementTimeoutMs: unlimited(statementTimeout),
  }
}

function parsed(content: JsonObject, source: string): RepositorySettings {
  const { data, error } = repositorySchema.safeParse(content)
  if (data) return data
  const [issue] = error.issues
  const path = issue?.path.length ? `${issue.path.join('/')} ` : ''
  throw new StartError(`${source}: ${path}${issue?.message ?? 'is not valid'}`)
}

const isPostgres = ({ protocol }: URL): boolean => protocol === 'postgresql:' || protocol === 'postgres:'

/** The environment may hold a password, and the schema as a parameter. */
function withoutPassword(text: string): JsonObject {
  if (!URL.canParse(text)) return { url: text }
  const url = new URL(text)
  const [password, schema] = [decodeURIComponent(url.password), url.searchParams.get('schema')]
  url.password = ''
  url.searchParams.delete('schema')
  return { url: url.href, ...(password !== '' && { password }), ...(schema !== null && { schema }) }
}

const JDBC = 'jdbc:postgresql:'

/** What IDM's `repo.jdbc.json` and its data source say; undefined where they name no PostgreSQL. */
function settingsOfIdm(contentOf: (id: string) => JsonObject | undefined): JsonObject | undefined {
  const repo = contentOf('repo.jdbc')
  if (repo?.dbType !== 'POSTGRESQL') return undefined
  const source = contentOf(`datasource.jdbc/${String(repo.useDataSource ?? 'default')}`)
  const { jdbcUrl, username, password, connectionTimeout, connectionPool } = source ?? {}
  if (typeof jdbcUrl !== 'string' || !jdbcUrl.startsWith(JDBC)) return undefined
  const url = new URL(`postgresql:${jdbcUrl.slice(JDBC.length)}`)
  if (typeof username === 'string') url.username = username
  const parameters = url.searchParams
  const [user, inUrl] = [parameters.get('user'), parameters.get('password')]
  if (user !== null) url.username = user
  const sslmode = parameters.get('sslmode') ?? (parameters.get('ssl') === 'true' ? 'require' : null)
  const rootCertificate = parameters.get('sslrootcert')
  // Others are those of the JDBC driver.
  url.search = ''
  if (sslmode !== null) url.searchParams.set('sslmode', sslmode)
  if (rootCertificate !== null) url.searchParams.set('sslrootcert', rootCertificate)
  const size = isObject(connectionPool) ? connectionPool.maximumPoolSize : undefined
  return {
    type: 'postgresql',
    url: url.href,
    ...((typeof password === 'string' || inUrl !== null) && { password: inUrl ?? password }),
    pool: {
      ...(typeof size === 'number' && { size }),
      ...(typeof connectionTimeout === 'number' && { connectTimeout: `${connectionTimeout} ms` }),
    },
  } as JsonObject
}
