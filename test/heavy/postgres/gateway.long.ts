import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { LAYOUT } from '../../../lib/repo/postgres/migrate.ts'
import { workersOf } from '../../gateway/workers-stage.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { type GatewayProcess, PASSWORD, startGatewayProcess } from '../../helpers/gateway-process.ts'
import { spawnNode } from '../../helpers/process.ts'
import { until } from '../../helpers/until.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from '../../sync/gateways.ts'
import { tempSchema } from './server.ts'

const BIN = fileURLToPath(new URL('../../../lib/bin.js', import.meta.url))
const ENV = { OPENIDM_ADMIN_PASSWORD: PASSWORD, OPENIDM_ADMIN_PASSWORD_FILE: undefined, LOG_LEVEL: 'warn' }

const MAPPING: JsonObject = {
  name: 'm',
  source: 'managed/user',
  target: 'external/idm/b/managed/user',
  properties: [
    { source: '_id', target: '_id' },
    { source: 'userName', target: 'userName' },
  ],
  policies: [
    { situation: 'ABSENT', action: 'CREATE' },
    { situation: 'CONFIRMED', action: 'UPDATE' },
    { situation: 'MISSING', action: 'CREATE' },
    { situation: 'SOURCE_MISSING', action: 'DELETE' },
  ],
  queuedSync: { enabled: true, retryDelay: 50 },
}

/** A project whose users are queued for the remote `b`, with its repository on the server. */
async function newProject(remote: RemoteIdm): Promise<string> {
  const { url, schema } = await tempSchema()
  const parsed = new URL(url)
  const password = decodeURIComponent(parsed.password)
  parsed.password = ''
  return tempDirWith({
    'conf/repo.json': { type: 'postgresql', url: parsed.href, password: '&{db.password}', schema, pool: { size: 4 } },
    'conf/external.idm-b.json': instanceOf(remote),
    'conf/sync.json': { mappings: [MAPPING] },
    'conf/gateway.json': { live: true },
    'conf/managed.json': {
      objects: [{ name: 'user', schema: { type: 'object', properties: { userName: { type: 'string' } } } }],
    },
    'resolver/boot.properties': `db.password=${password}\n`,
    'security/crypto.keys': `${generateKey('one')}\n`,
  })
}

async function command(...args: readonly string[]) {
  const spawned = spawnNode([BIN, ...args], { env: ENV })
  const { code } = await spawned.exited
  return { code, stdout: spawned.stdout, stderr: spawned.stderr }
}

const idsOf = (remote: RemoteIdm): Promise<string[]> =>
  remote.connection
    .query('managed/user', { _queryFilter: 'true' })
    .then(({ result }) => result.map(({ _id }) => String(_id)).sort())

const USERS = Array.from({ length: 12 }, (_, index) => `u${String(index).padStart(2, '0')}`)

const create = (gateway: GatewayProcess, id: string) =>
  gateway.call(`managed/user/${id}`, {
    method: 'PUT',
    headers: { 'if-none-match': '*', 'content-type': 'application/json' },
    body: JSON.stringify({ userName: `Name of ${id}` }),
  })

async function stop({ process }: GatewayProcess): Promise<void> {
  process.kill('SIGTERM')
  assert.equal((await process.exited).code, 0)
}

async function query(gateway: GatewayProcess, filter: string): Promise<string[]> {
  const path = `managed/user?_queryFilter=${encodeURIComponent(filter)}&_sortKeys=-userName`
  const { result } = (await gateway.call(path)).json as { result: { _id: string }[] }
  return result.map(({ _id }) => _id)
}

describe('a gateway on PostgreSQL', () => {
  ownedBySuite()
  let remote: RemoteIdm
  let project: string

  before(async () => {
    remote = await startRemoteIdm()
    project = await newProject(remote)
  })

  it('does not start without tables, and says how to create them', async () => {
    const { code, stderr } = await command('start', '--project', project, '--port', '0')
    assert.equal(code, 1)
    assert.match(
      stderr,
      /repository postgresql:\/\/127\.0\.0\.1:\d+\/postgres \(schema .*\) cannot be used: it has no tables yet/,
    )
    assert.match(stderr, /repo migrate/)
    assert.doesNotMatch(stderr, /secret of the tests/)
  })

  it('has its tables created by a command, once', async () => {
    const first = await command('repo', 'migrate', '--project', project)
    assert.deepEqual([first.code, first.stderr], [0, ''])
    assert.ok(first.stdout.endsWith(`: its tables were created (version ${LAYOUT})\n`))
    const again = await command('repo', 'migrate', '--project', project)
    assert.ok(again.stdout.endsWith(`: its tables are up to date (version ${LAYOUT})\n`))
  })

  describe('that runs', () => {
    ownedBySuite()
    let gateway: GatewayProcess
    before(async () => {
      gateway = await startGatewayProcess({}, { project })
    })

    it('keeps objects, and carries their changes over', async () => {
      for (const id of USERS) assert.equal((await create(gateway, id)).status, 201)
      assert.equal((await create(gateway, 'u00')).status, 412)
      assert.deepEqual(await query(gateway, 'userName sw "name OF u1"'), ['u11', 'u10'])
      await until(async () => (await idsOf(remote)).length === USERS.length)
      assert.equal((await gateway.call('managed/user/u03', { method: 'DELETE' })).status, 200)
      await until(async () => !(await idsOf(remote)).includes('u03'))
    })

    it('reconciles', async () => {
      await remote.connection.delete('managed/user/u05', null)
      const started = await gateway.call('recon?_action=recon&mapping=m&waitForCompletion=true', { method: 'POST' })
      const { _id } = started.json as { _id: string }
      const run = (await gateway.call(`recon/${_id}`)).json as { state: string }
      assert.equal(run.state, 'SUCCESS', JSON.stringify(run))
      assert.ok((await idsOf(remote)).includes('u05'))
    })

    it('stops in order', () => stop(gateway))
  })

  describe('that starts again, with two processes', () => {
    ownedBySuite()
    let gateway: GatewayProcess
    before(async () => {
      gateway = await startGatewayProcess({}, { project, args: ['--workers', '2'] })
    })

    it('finds all again, and goes on', async () => {
      assert.equal((await query(gateway, 'true')).length, USERS.length - 1)
      const runs = (await gateway.call('recon')).json as { reconciliations: unknown[] }
      assert.equal(runs.reconciliations.length, 1)
      assert.equal((await create(gateway, 'late')).status, 201)
      await until(async () => (await idsOf(remote)).includes('late'))
    })

    it('goes on when the process that carries changes over is killed', async () => {
      for (const [index, pid] of (await workersOf(gateway)).entries()) {
        process.kill(pid, 'SIGKILL')
        const id = `after-${index}`
        await until(async () => [201, 412].includes((await create(gateway, id)).status))
        await until(async () => (await idsOf(remote)).includes(id))
      }
    })

    it('stops in order', () => stop(gateway))
  })

  describe('that has stopped', () => {
    it('has a backup of its files, which says that it lacks the database', async () => {
      const backup = join(await tempDirWith({}), 'backup')
      const { code, stderr } = await command('project', 'backup', backup, '--project', project, '--with-keys')
      assert.equal(code, 0)
      assert.match(stderr, /The database on the server is not part of it/)
    })

    it('has its runs and queued changes encrypted again with another key', async () => {
      const file = join(project, 'security/crypto.keys')
      await writeFile(file, `${generateKey('two')}\n${await readFile(file, 'utf8')}`)
      const { code, stderr, stdout } = await command('secret', 'rotate', '--project', project)
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, /keys of reconciliations and queued changes: \d encrypted anew/)
    })
  })
})
