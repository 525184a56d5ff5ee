import assert from 'node:assert/strict'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateKey } from '../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { takeOwnership } from '../../lib/gateway/ownership.ts'
import { holdsAgainstOthers, tryLock } from '../../lib/repo/sqlite/exclusive-lock.ts'
import { workersOf } from '../gateway/workers-stage.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDir, tempDirWith } from '../helpers/files.ts'
import { type GatewayProcess, PASSWORD, startGatewayProcess } from '../helpers/gateway-process.ts'
import { request } from '../helpers/http.ts'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from '../sync/gateways.ts'

const BIN = fileURLToPath(new URL('../../lib/bin.js', import.meta.url))
const ENV = { OPENIDM_ADMIN_PASSWORD: PASSWORD, OPENIDM_ADMIN_PASSWORD_FILE: undefined, LOG_LEVEL: 'warn' }

const MAPPING: JsonObject = {
  name: 'm',
  source: 'external/idm/a/managed/user',
  target: 'external/idm/b/managed/user',
  properties: [{ source: 'userName', target: 'userName' }],
  policies: [{ situation: 'ABSENT', action: 'CREATE' }],
}

interface Stage {
  readonly project: string
  readonly source: RemoteIdm
  readonly target: RemoteIdm
}

/** Two users to create, and a target that accepts creates only while `interfere` permits. */
async function stage(): Promise<Stage> {
  const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
  for (const id of ['u1', 'u2']) await source.connection.create('managed/user', id, { userName: id })
  const project = await tempDirWith({
    'conf/external.idm-a.json': instanceOf(source),
    'conf/external.idm-b.json': instanceOf(target),
    'conf/sync.json': { mappings: [MAPPING] },
    'security/crypto.keys': `${generateKey('one')}\n`,
  })
  return { project, source, target }
}

const holdCreates = (target: RemoteIdm): void => {
  target.interfere = ({ method }) => (method === 'PUT' || method === 'POST' ? 503 : undefined)
}

const spawnCommand = (args: readonly string[], env: Readonly<Record<string, string>> = {}): NodeProcess =>
  spawnNode([BIN, ...args], { env: { ...ENV, ...env } })

async function command(...args: readonly string[]) {
  const spawned = spawnCommand(args)
  const { code } = await spawned.exited
  return { code, stdout: spawned.stdout, stderr: spawned.stderr }
}

const ownerOf = async (project: string): Promise<JsonObject> =>
  JSON.parse(await readFile(join(project, 'db', 'owner.json'), 'utf8'))

const basic = (user: string, password: unknown) => ({
  authorization: `Basic ${Buffer.from(`${user}:${String(password)}`).toString('base64')}`,
})

describe('one owner per project: beside a gateway', () => {
  ownedBySuite()
  let project: string
  let target: RemoteIdm
  let gateway: GatewayProcess
  let run: string

  before(async () => {
    const staged = await stage()
    project = staged.project
    target = staged.target
    holdCreates(target)
    // The run stays active, however long the tests take.
    target.retryAfter = '60'
    gateway = await startGatewayProcess({}, { project })
    const started = await gateway.call('recon?_action=recon&mapping=m', { method: 'POST' })
    run = String((started.json as JsonObject)._id)
    await until(() => target.requests.some((line) => /^(?:PUT|POST) /.test(line)), 'the run writes')
  })

  const stateOfRun = async () => ((await gateway.call(`recon/${run}`)).json as JsonObject).state

  it('recon status shows its active run, and leaves it active', async () => {
    const { code, stdout, stderr } = await command('recon', 'status', '--project', project)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, new RegExp(`${run}.*ACTIVE`))
    assert.equal(await stateOfRun(), 'ACTIVE')
  })

  it('a run of the same mapping is refused', async () => {
    const { code, stdout, stderr } = await command('recon', 'm', '--yes', '--project', project)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /A reconciliation of m is running already.*\(409\)/)
    assert.equal(await stateOfRun(), 'ACTIVE')
  })

  it('recon mappings lists what the gateway has in force', async () => {
    const { code, stdout } = await command('recon', 'mappings', '--project', project)
    assert.deepEqual([code, stdout.startsWith('m: external/idm/a/managed/user')], [0, true])
  })

  for (const args of [
    ['start', '--port', '0'],
    ['start', '--port', '0', '--workers', '2'],
    ['secret', 'rotate'],
    ['secret', 'rewrap'],
  ])
    it(`${args.join(' ')} is refused, and names the owner`, async () => {
      const { code, stdout, stderr } = await command(...args, '--project', project)
      assert.deepEqual([code, stdout], [1, ''])
      const { since } = await ownerOf(project)
      const who = `a gateway (process ${gateway.process.child.pid}, since ${String(since)}, http://127.0.0.1:${gateway.port}/openidm)`
      assert.equal(stderr, `openidm-external-idm: ${project}: ${who} owns this project; stop it, or wait for its end\n`)
      assert.equal(await stateOfRun(), 'ACTIVE')
    })

  describe('the token', () => {
    const ping = (origin: unknown, headers: Record<string, string>) =>
      request(`${String(origin)}/openidm/recon`, { headers }).then(({ status }) => status)

    it('is readable by the user alone', async () => {
      for (const file of ['owner.json', 'owner.db'])
        assert.equal((await stat(join(project, 'db', file))).mode & 0o777, 0o600)
    })

    it('is the administrator on the local listener, which accepts nothing else', async () => {
      const { local, token } = await ownerOf(project)
      assert.match(String(local), /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.equal(await ping(local, basic('openidm-admin', token)), 200)
      assert.equal(await ping(local, basic('openidm-admin', PASSWORD)), 401)
      assert.equal(await ping(local, basic('anonymous', 'anonymous')), 401)
      assert.equal(await ping(local, { authorization: `Bearer ${String(token)}` }), 401)
      assert.equal(await ping(local, {}), 401)
    })

    it('is not accepted where the gateway listens for others', async () => {
      const { token } = await ownerOf(project)
      assert.equal(await ping(`http://127.0.0.1:${gateway.port}`, basic('openidm-admin', token)), 401)
      assert.equal(await ping(`http://127.0.0.1:${gateway.port}`, basic('openidm-admin', PASSWORD)), 200)
    })

    it('is judged by the access rules', async () => {
      const { local, token } = await ownerOf(project)
      const rules = [
        { pattern: 'info/*', roles: '*', methods: '*', actions: '*' },
        { pattern: 'config/*', roles: '*', methods: '*' },
      ]
      assert.equal((await gateway.call('config/access', { method: 'PUT', json: { configs: rules } })).status, 201)
      assert.equal(await ping(local, basic('openidm-admin', token)), 403)
      assert.equal((await gateway.call('config/access', { method: 'DELETE' })).status, 200)
      assert.equal(await ping(local, basic('openidm-admin', token)), 200)
    })
  })

  it('an owner that still answers is found although the lock is gone', async () => {
    await rm(join(project, 'db', 'owner.db'))
    const { code, stdout } = await command('recon', 'status', '--project', project)
    assert.deepEqual([code, stdout.includes('ACTIVE')], [0, true])
    assert.equal(await stateOfRun(), 'ACTIVE')
    const second = await command('start', '--port', '0', '--project', project)
    assert.deepEqual([second.code, second.stderr.includes('owns this project')], [1, true])
  })

  it('recon cancel stops the run of the gateway', async () => {
    const { code } = await command('recon', 'cancel', run, '--project', project)
    assert.equal(code, 0)
    await until(async () => (await stateOfRun()) === 'CANCELED', 'the run ended')
  })
})

describe('one owner per project: beside a command', () => {
  it('that runs a mapping: others see the run, and no other process starts on the project', async () => {
    const { project, target } = await stage()
    holdCreates(target)
    // A run asks ten times: it outlasts the starts of two processes.
    target.retryAfter = '4'
    const running = spawnCommand(['recon', 'm', '--yes', '--project', project])
    await until(() => target.requests.some((line) => /^(?:PUT|POST) /.test(line)), 'the run writes')
    const { stdout } = await command('recon', 'status', '--project', project)
    assert.match(stdout, /m {2}run {2}ACTIVE/)
    const second = await command('start', '--port', '0', '--project', project)
    assert.equal(second.code, 1)
    assert.match(second.stderr, new RegExp(`a command \\(process ${running.child.pid}, since [^,)]+\\) owns`))
    target.interfere = undefined
    assert.deepEqual(await running.exited, { code: 0, signal: null })
    const { result } = await target.connection.query('managed/user', { _queryFilter: 'true' })
    assert.deepEqual(result.map(({ userName }) => userName).sort(), ['u1', 'u2'])
  })

  it('another run waits for its end, since a run would end with the command that owns the project', async () => {
    const { project, target } = await stage()
    const codes = await Promise.all(
      [1, 2].map(() => command('recon', 'm', '--yes', '--project', project).then(({ code }) => code)),
    )
    assert.deepEqual(codes, [0, 0])
    const { result } = await target.connection.query('managed/user', { _queryFilter: 'true' })
    assert.deepEqual(result.map(({ userName }) => userName).sort(), ['u1', 'u2'])
  })
})

describe('one owner per project: its end', () => {
  it('comes with the process, however that ends', async () => {
    const { project } = await stage()
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const gateway = await startGatewayProcess({}, { project })
      await gateway.process.kill(signal)
    }
    await assert.rejects(ownerOf(project), { code: 'ENOENT' })
    const { code, stderr } = await command('secret', 'rotate', '--project', project)
    assert.deepEqual([code, stderr], [0, ''])
  })

  it('a gateway that cannot start owns nothing', async () => {
    const project = await tempDir()
    const first = await startGatewayProcess({})
    const failed = await command('start', '--port', String(first.port), '--project', project)
    assert.match(failed.stderr, /the port is already in use/)
    await assert.rejects(ownerOf(project), { code: 'ENOENT' })
  })
})

describe('one owner per project: --workers', () => {
  it('is the first process, and commands talk to any worker', async function () {
    if (process.platform !== 'linux') this.skip()
    const { project, target } = await stage()
    const gateway = await startGatewayProcess({}, { project, args: ['--workers', '2'] })
    const { pid, local, token } = await ownerOf(project)
    assert.equal(pid, gateway.process.child.pid)
    const second = await command('start', '--port', '0', '--project', project)
    assert.deepEqual([second.code, second.stderr.includes(`a gateway (process ${String(pid)}, `)], [1, true])
    const { code, stderr } = await command('recon', 'm', '--yes', '--project', project)
    assert.equal(code, 0, stderr)
    const { result } = await target.connection.query('managed/user', { _queryFilter: 'true' })
    assert.deepEqual(result.map(({ userName }) => userName).sort(), ['u1', 'u2'])
    // The system deals out connections at random.
    const ping = (password: unknown) =>
      request(`${String(local)}/openidm/recon`, { headers: basic('openidm-admin', password) })
    const statuses = async (password: unknown) =>
      new Set((await Promise.all(Array.from({ length: 24 }, () => ping(password)))).map(({ status }) => status))
    assert.deepEqual([...(await statuses(token))], [200])
    assert.deepEqual([...(await statuses(PASSWORD))], [401])
    assert.ok(!gateway.process.output.includes(String(token)))
  })

  it('a worker that is replaced listens for commands, too', async function () {
    if (process.platform !== 'linux') this.skip()
    const { project } = await stage()
    const gateway = await startGatewayProcess({}, { project, args: ['--workers', '2'], env: { LOG_LEVEL: 'info' } })
    const before = await ownerOf(project)
    const isReplaced = (count: number) =>
      until(() => gateway.process.stderr.match(/replacement worker is ready/g)?.length === count)
    for (const [index, worker] of workersOf(gateway).entries()) {
      process.kill(worker, 'SIGKILL')
      await isReplaced(index + 1)
    }
    assert.deepEqual(await ownerOf(project), before)
    const { code, stdout, stderr } = await command('recon', 'mappings', '--project', project)
    assert.deepEqual([code, stdout.startsWith('m: '), stderr], [0, true, ''])
  })
})

describe('the lock of a project', () => {
  it('is held once, also within a process, and released', async () => {
    const file = join(await tempDir(), 'owner.db')
    const unlock = tryLock(file)
    assert.equal(tryLock(file), undefined)
    assert.equal(await holdsAgainstOthers(file), true)
    unlock?.()
    tryLock(file)?.()
  })

  it('is tried by another process, which finds a file system that grants it twice', async () => {
    const file = join(await tempDir(), 'owner.db')
    tryLock(file)?.()
    assert.equal(await holdsAgainstOthers(file), false)
  })

  it('is not tried any more when it is released', async () => {
    const dir = await tempDir()
    const ownership = await takeOwnership({ dir, db: join(dir, 'db') }, 'gateway')
    const holds = ownership.holds()
    ownership.release()
    assert.equal(await holds, true)
  })
})
