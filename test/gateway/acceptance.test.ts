import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { main } from '../../lib/cli/cli.ts'
import type { Gateway } from '../../lib/gateway/gateway.ts'
import { Acceptance, type ConfFile, recordAfter } from '../../lib/gateway/project/acceptance.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir, tempDirWith, writeFiles } from '../helpers/files.ts'
import { memoryLog } from '../helpers/log.ts'
import { until } from '../helpers/until.ts'
import { startGateway } from './parts.ts'

const js = (source: string) => ({ type: 'text/javascript', source })
const create = (name: string) => js(`openidm.create('managed/role', null, { name: '${name}' })`)
const beat = (more: object = {}) => ({
  type: 'simple',
  repeatInterval: 200,
  concurrentExecution: false,
  misfirePolicy: 'fireAndProceed',
  invokeService: 'script',
  invokeContext: { script: create('made') },
  ...more,
})
const NIGHTLY = {
  schedule: '0 0 2 * * ?',
  invokeService: 'sync',
  invokeContext: { action: 'reconcile', mapping: 'toEu' },
}
const MAPPING = { source: 'managed/user', target: 'external/idm/eu/managed/user' }

describe('which schedules are held', () => {
  const OWN = { known: ['a'], held: [], isForeign: false }
  const rows: readonly (readonly [
    what: string,
    before: typeof OWN | undefined,
    facts: Parameters<typeof recordAfter>[1],
    held: string[],
  ])[] = [
    [
      'all of a project that starts for the first time',
      undefined,
      { isNew: true, schedules: ['a', 'b'], isForeign: false },
      ['a', 'b'],
    ],
    ['none of a project that a gateway has run on', undefined, { isNew: false, schedules: ['a'], isForeign: true }, []],
    ['none that is put beside others', OWN, { isNew: false, schedules: ['a', 'b'], isForeign: false }, []],
    ['those that come with files of IDM', OWN, { isNew: false, schedules: ['a', 'b'], isForeign: true }, ['b']],
    [
      'none that comes later',
      { ...OWN, isForeign: true },
      { isNew: false, schedules: ['a', 'b'], isForeign: true },
      [],
    ],
    [
      'those that were',
      { known: ['a'], held: ['a', 'c'] as never[], isForeign: true },
      { isNew: false, schedules: ['a'], isForeign: true },
      ['a'],
    ],
  ]
  for (const [what, before, facts, held] of rows)
    it(what, () => assert.deepEqual(recordAfter(before, facts).held, held))

  it('all when the record cannot be read', async () => {
    const db = await tempDirWith({ 'acceptance.json': '{' })
    const files: readonly ConfFile[] = [{ name: 'schedule-a.json', schedule: 'a' }]
    const log = memoryLog()
    const acceptance = new Acceptance({ project: { db }, files: () => files, live: () => undefined, log })
    assert.equal(acceptance.isHeld('a'), true)
    assert.match(log.messages('error').join(), /cannot be read: all schedules of conf\/ are held/)
    acceptance.acceptAll()
    assert.equal(acceptance.isHeld('a'), false)
  })

  it('as gateway.json says, whatever the record says', async () => {
    const files: readonly ConfFile[] = [{ name: 'schedule-a.json', schedule: 'a' }]
    const options = { project: { db: await tempDir() }, files: () => files, log: memoryLog() }
    assert.equal(new Acceptance({ ...options, live: () => true }).isHeld('a'), false)
    assert.equal(new Acceptance({ ...options, live: () => false }).isHeld('b'), true)
  })
})

async function doctor(dir: string, ...args: string[]) {
  let stdout = ''
  const silent = { write: () => undefined }
  const io = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: silent,
    cwd: dir,
    stdin: process.stdin,
    env: {},
  }
  const status = await main(['doctor', '--project', dir, ...args], io)
  return { status, stdout }
}

describe('a project that a gateway starts on for the first time', function () {
  this.timeout(60_000)

  /** `conf/` of somebody else: nothing in `db/`. */
  const foreign = async (conf: Readonly<Record<string, unknown>>) =>
    tempDirWith(Object.fromEntries(Object.entries(conf).map(([name, file]) => [`conf/${name}`, file])))
  const made = async ({ gateway }: { gateway: Gateway }, name = 'made') =>
    (await gateway.connection.query('managed/role', { _queryFilter: `name eq "${name}"` })).result.length

  it('holds its schedules until they are accepted, and says what they would do', async () => {
    const dir = await foreign({
      'schedule-beat.json': beat(),
      'schedule-night.json': NIGHTLY,
      'mapping-toEu.json': MAPPING,
    })
    const before = await doctor(dir)
    assert.equal(before.status, 0)
    assert.match(before.stdout, /schedule-beat\.json +it is held: it would run a script\n/)
    assert.match(
      before.stdout,
      /schedule-night\.json +it is held: it would reconcile the mapping toEu, which reads managed\/user and writes to external\/idm\/eu\/managed\/user\n/,
    )
    assert.match(before.stdout, /do: .*recon NAME --dry-run.*doctor --accept/)
    assert.equal(existsSync(join(dir, 'db')), false, 'it writes nothing')

    const gateway = await startGateway({ copies: [dir] })
    assert.match(gateway.gateway.notices.map(({ reason }) => reason).join('\n'), /it is held: it would run a script/)
    const jobs = async () =>
      (await gateway.call('/scheduler/job?_queryFilter=true')).json as { result: { _id: string }[] }
    assert.deepEqual(
      (await jobs()).result.map(({ _id }) => _id),
      ['beat', 'night'],
    )
    assert.deepEqual(
      ((await jobs()).result as { nextRunDate?: unknown }[]).map(({ nextRunDate }) => nextRunDate),
      [null, null],
    )
    // One that is written over REST is not held: by its second beat the held one would have had a beat as well.
    const ownBeat = beat({ invokeContext: { script: create('own') } })
    assert.equal((await gateway.call('/config/schedule/own', { method: 'PUT', json: ownBeat })).status, 201)
    await until(async () => (await made(gateway, 'own')) > 1)
    assert.equal(await made(gateway), 0)
    assert.equal((await gateway.call('/config/schedule/own', { method: 'DELETE' })).status, 200)

    const accepted = await doctor(gateway.project.dir, '--accept')
    assert.deepEqual(accepted, { status: 0, stdout: 'Accepted: the schedules beat, night\n' })
    await until(async () => (await made(gateway)) > 1)
    assert.equal(
      gateway.log.entries.some(({ msg }) => /missed its time/.test(String(msg))),
      false,
    )
    assert.equal((await doctor(gateway.project.dir)).stdout.includes('it is held'), false)
  })

  it('holds them over a restart, and runs them with "live": true', async () => {
    const first = await startGateway({ copies: [await foreign({ 'schedule-beat.json': beat() })] })
    await first.gateway.stop()
    const second = await startGateway({ project: first.project, copies: [await tempDir()] })
    assert.match(second.gateway.notices.map(({ reason }) => reason).join(), /it is held/)
    await writeFiles(second.project.conf, { 'gateway.json': { live: true } })
    await until(async () => (await made(second)) > 0)
  })

  it('runs what is written through the gateway', async () => {
    const gateway = await startGateway({
      copies: [await foreign({ 'schedule-beat.json': beat(), 'cluster.json': {} })],
    })
    assert.equal((await gateway.call('/config/schedule/own', { method: 'PUT', json: beat() })).status, 201)
    await until(async () => (await made(gateway)) > 0)
    assert.equal((await gateway.call('/config/schedule/own', { method: 'DELETE' })).status, 200)
    const count = await made(gateway)
    assert.equal(
      (await gateway.call('/config/schedule/beat', { method: 'PUT', json: beat({ repeatInterval: 250 }) })).status,
      200,
    )
    await until(async () => (await made(gateway)) > count)
  })

  it('is told apart from one that a gateway has run on before there was a record', async () => {
    const first = await startGateway()
    await first.gateway.stop()
    await rm(join(first.project.db, 'acceptance.json'))
    await writeFiles(first.project.conf, { 'schedule-beat.json': beat(), 'cluster.json': {} })
    const second = await startGateway({ project: first.project, copies: [await tempDir()] })
    onCleanUp(() => second.gateway.stop())
    await until(async () => (await made(second)) > 0)
  })

  it('or one into which files of IDM are copied later', async () => {
    const first = await startGateway({ conf: { 'schedule-own.json': beat() } })
    await until(async () => (await made(first)) > 0)
    await first.gateway.stop()
    await writeFiles(first.project.conf, { 'schedule-beat.json': beat(), 'cluster.json': {} })
    const second = await startGateway({ project: first.project, copies: [await tempDir()] })
    const held = second.gateway.notices.filter(({ reason }) => /it is held/.test(reason)).map(({ file }) => file)
    assert.deepEqual(held, ['schedule-beat.json'])
  })
})
