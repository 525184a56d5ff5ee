import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { main } from '../../lib/cli/cli.ts'
import type { ConfigurationChange } from '../../lib/config/rest/resource.ts'
import { ownedBy } from '../../lib/gateway/configuration/acceptance-of.ts'
import type { Gateway } from '../../lib/gateway/gateway.ts'
import { Acceptance, type ConfFile, recordAfter } from '../../lib/gateway/project/acceptance.ts'
import { livenessOf } from '../../lib/sync/mapping/liveness.ts'
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

interface Before {
  readonly known: string[]
  readonly held: string[]
  readonly mappings?: { readonly known: string[]; readonly held: string[] }
  readonly isForeign: boolean
}
type Facts = Parameters<typeof recordAfter>[1]

const OWN: Before = { known: ['a'], held: [], mappings: { known: ['m'], held: [] }, isForeign: false }

describe('which schedules are held', () => {
  const rows: readonly (readonly [
    what: string,
    before: Before | undefined,
    facts: Omit<Facts, 'mappings'>,
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
      { known: ['a'], held: ['a', 'c'], isForeign: true },
      { isNew: false, schedules: ['a'], isForeign: true },
      ['a'],
    ],
  ]
  for (const [what, before, facts, held] of rows)
    it(what, () => assert.deepEqual(recordAfter(before, { ...facts, mappings: [] }).held, held))

  it('all when the record cannot be read', async () => {
    const db = await tempDirWith({ 'acceptance.json': '{' })
    const files: readonly ConfFile[] = [{ name: 'schedule-a.json', schedule: 'a', mappings: ['m'] }]
    const log = memoryLog()
    const acceptance = new Acceptance({ project: { db }, files: () => files, live: () => undefined, log })
    assert.deepEqual([acceptance.isHeld('a'), acceptance.isMappingHeld('m')], [true, true])
    assert.match(log.messages('error').join(), /cannot be read: all schedules and mappings of conf\/ are held/)
    assert.deepEqual(acceptance.acceptAll(), { schedules: ['a'], mappings: ['m'] })
    assert.deepEqual([acceptance.isHeld('a'), acceptance.isMappingHeld('m')], [false, false])
  })

  it('as gateway.json says, whatever the record says', async () => {
    const files: readonly ConfFile[] = [{ name: 'schedule-a.json', schedule: 'a', mappings: [] }]
    const options = { project: { db: await tempDir() }, files: () => files, log: memoryLog() }
    const [live, not] = [true, false].map((live) => new Acceptance({ ...options, live: () => live }))
    assert.deepEqual([live?.isHeld('a'), live?.isMappingHeld('m')], [false, false])
    assert.deepEqual([not?.isHeld('b'), not?.isMappingHeld('m')], [true, true])
  })
})

describe('which mappings are held', () => {
  const rows: readonly (readonly [
    what: string,
    before: Before | undefined,
    facts: Omit<Facts, 'schedules'>,
    held: string[] | undefined,
  ])[] = [
    [
      'all of a project that starts for the first time',
      undefined,
      { isNew: true, mappings: ['m'], isForeign: false },
      ['m'],
    ],
    [
      'all of a project that an earlier version has run on, with a record or without',
      { known: ['a'], held: [], isForeign: false },
      { isNew: false, mappings: ['m', 'n'], isForeign: false },
      ['m', 'n'],
    ],
    ['the same without a record', undefined, { isNew: false, mappings: ['m'], isForeign: false }, ['m']],
    ['none that is put beside others', OWN, { isNew: false, mappings: ['m', 'n'], isForeign: false }, []],
    ['those that come with files of IDM', OWN, { isNew: false, mappings: ['m', 'n'], isForeign: true }, ['n']],
    [
      'those that were, even if they are out of their file for a moment',
      { ...OWN, mappings: { known: ['m'], held: ['m'] } },
      { isNew: false, mappings: [], isForeign: false },
      ['m'],
    ],
    [
      'it is open while they cannot be read',
      undefined,
      { isNew: true, mappings: undefined, isForeign: false },
      undefined,
    ],
    ['unless it was known before', OWN, { isNew: false, mappings: undefined, isForeign: false }, []],
    [
      'and open again when files of IDM have come meanwhile',
      OWN,
      { isNew: false, mappings: undefined, isForeign: true },
      undefined,
    ],
  ]
  for (const [what, before, facts, held] of rows)
    it(what, () => assert.deepEqual(recordAfter(before, { ...facts, schedules: [] }).mappings?.held, held))

  it('all while it is open, which accepting does not change', async () => {
    let mappings: string[] | undefined
    const files = (): readonly ConfFile[] => [{ name: 'sync.json', mappings }]
    const acceptance = new Acceptance({
      project: { db: await tempDir() },
      files,
      live: () => undefined,
      log: memoryLog(),
    })
    acceptance.begin()
    acceptance.acceptAll()
    assert.equal(acceptance.isMappingHeld('m'), true)
    mappings = ['m']
    assert.equal(acceptance.isMappingHeld('m'), true)
    assert.deepEqual(acceptance.acceptAll(), { schedules: [], mappings: ['m'] })
    assert.equal(acceptance.isMappingHeld('m'), false)
  })

  it('not one that is written over REST; of a list, not those that the write has changed', () => {
    const change = (id: string, before: object | undefined, after: object | undefined) =>
      ownedBy({ id, method: 'update', before, after } as ConfigurationChange)
    assert.deepEqual(change('mapping/m', undefined, {}), { mappings: ['m'] })
    assert.deepEqual(change('mapping/m', {}, undefined), {})
    assert.deepEqual(change('schedule/s', undefined, {}), { schedules: ['s'] })
    assert.deepEqual(change('managed', undefined, {}), {})
    const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name, source: 'managed/user' }))
    const after = { mappings: [a, { ...b, displayName: 'B' }, c] }
    assert.deepEqual(change('sync', { mappings: [a, b] }, after), { mappings: ['b', 'c'] })
  })
})

describe('which mappings carry changes over by themselves', () => {
  const managed = { source: 'managed/user', target: 'x/y' }
  const remote = { source: 'external/idm/eu/managed/user', target: 'managed/user' }
  for (const [config, expected] of [
    [managed, ['changes']],
    [{ ...managed, source: '/managed/user/' }, ['changes']],
    [{ ...managed, source: '&{source}' }, ['changes']],
    [{ ...managed, enableSync: false }, []],
    [{ ...managed, enableSync: 'false' }, []],
    [{ ...managed, enableSync: '&{live}' }, ['changes']],
    [{ ...managed, requireApproval: true }, []],
    [remote, []],
    [{ ...remote, captureChanges: true }, ['captured']],
    [{ ...remote, captureChanges: '&{live}' }, ['captured']],
    [{ ...remote, captureChanges: true, enableSync: false }, []],
    [{ ...remote, incremental: { changedField: 'x' } }, []],
    [{ ...remote, incremental: { changedField: 'x', sweep: '0 0 3 * * ?' } }, ['swept']],
  ] as const)
    it(`${JSON.stringify(config)}: ${expected.join() || 'no'}`, () => assert.deepEqual(livenessOf(config), expected))
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
    assert.deepEqual(accepted, { status: 0, stdout: 'Accepted: the schedules beat, night; the mappings toEu\n' })
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
