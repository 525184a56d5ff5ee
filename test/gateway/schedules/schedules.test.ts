import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { scheduleSchema } from '../../../lib/gateway/schedules/schedule.ts'
import { writeAtomically } from '../../helpers/files.ts'
import { until } from '../../helpers/until.ts'
import { startGateway } from '../parts.ts'

const EVERY_SECOND = {
  schedule: '* * * * * ?',
  invokeService: 'sync',
  invokeContext: { action: 'reconcile', mapping: 'm' },
}

const MAPPING = {
  name: 'm',
  source: 'managed/role',
  target: 'managed/assignment',
  properties: [
    { source: 'name', target: 'name' },
    { target: 'mapping', default: 'm' },
  ],
}

describe('schedules', () => {
  it('reconcile at their times, from when the file is there until it is gone', async () => {
    const { call, project, gateway } = await startGateway({ conf: { 'sync.json': { mappings: [MAPPING] } } })
    await gateway.connection.create('managed/role', 'r', { name: 'r' })
    const runs = async () => ((await call('/recon')).json as { reconciliations: JsonObject[] }).reconciliations
    assert.equal((await runs()).length, 0)
    const file = join(project.conf, 'schedule-often.json')
    await writeAtomically(file, EVERY_SECOND)
    await until(async () => (await runs()).some(({ state }) => state === 'SUCCESS'))
    const { result } = await gateway.connection.query('managed/assignment', { _queryFilter: 'true' })
    assert.deepEqual(
      result.map(({ name }) => name),
      ['r'],
    )
    await rm(file)
  })

  it('make a plan that waits where the mapping requires approval, and say so in their line of the log', async () => {
    const conf = {
      'sync.json': { mappings: [{ ...MAPPING, requireApproval: true }] },
      'schedule-once.json': { ...EVERY_SECOND, type: 'simple', repeatCount: 0, schedule: undefined },
    }
    const { call, gateway, log } = await startGateway({ conf })
    await gateway.connection.create('managed/role', 'r', { name: 'r' })
    const said = () => log.entries.filter(({ msg }) => String(msg).startsWith('schedule once has run'))
    await call('/scheduler/job/once?_action=trigger', { method: 'POST' })
    await until(() => said().some(({ msg }) => msg !== 'schedule once has run'))
    const { msg, reconId } = said().find(({ msg }) => msg !== 'schedule once has run') ?? {}
    assert.equal(msg, `schedule once has run: the plan ${String(reconId)} of m waits for approval`)
    const plan = (await call(`/recon/plan/${String(reconId)}`)).json as JsonObject
    assert.deepEqual([plan.state, plan.madeBy], ['WAITING', 'schedule once'])
    const approved = await call(`/recon/${String(reconId)}?_action=approve`, { method: 'POST' })
    assert.equal((approved.json as JsonObject).state, 'APPROVED')
    const targets = async () => (await gateway.connection.query('managed/assignment', { _queryFilter: 'true' })).result
    assert.deepEqual(await targets(), [])
    await call(`/recon/${String(reconId)}?_action=execute&waitForCompletion=true`, { method: 'POST' })
    assert.equal((await targets()).length, 1)
  })

  it('one with a fault is named and does not stop the others, at the start and later', async () => {
    const nowhere = { ...EVERY_SECOND, timeZone: 'Europe/Nowhere' }
    const script = (file: string) => ({
      schedule: '* * * * * ?',
      invokeService: 'script',
      invokeContext: { script: { type: 'text/javascript', file } },
    })
    const conf = {
      'sync.json': { mappings: [MAPPING] },
      'schedule-a.json': nowhere,
      'schedule-b.json': script('late.js'),
      'schedule-c.json': '{',
      'schedule-often.json': EVERY_SECOND,
    }
    const { call, project, log } = await startGateway({ conf })
    const runs = async () => ((await call('/recon')).json as { reconciliations: JsonObject[] }).reconciliations.length
    const errors = async () => {
      const { configurations } = (await call('/config')).json as { configurations: JsonObject[] }
      return Object.fromEntries(configurations.map(({ _id, error }) => [_id, error]))
    }
    const { 'schedule/a': a, 'schedule/b': b, 'schedule/c': c, 'schedule/often': often } = await errors()
    assert.match(String(a), /^schedule-a\.json: timeZone: must be the name of a time zone, such as "Europe\/Oslo"$/)
    assert.match(String(b), /^schedule-b\.json: invokeContext\.script: .*late\.js is in none/)
    assert.match(String(c), /^schedule-c\.json: /)
    assert.equal(often, undefined)
    await until(async () => (await runs()) > 0)
    await writeAtomically(join(project.script, 'late.js'), 'logger.info("late is there")')
    await until(() => log.with('late is there').length > 0)
    assert.equal((await errors())['schedule/b'], undefined)
    await writeAtomically(join(project.conf, 'schedule-often.json'), nowhere)
    await until(async () => (await errors())['schedule/often'] !== undefined)
    const before = await runs()
    await until(async () => (await runs()) > before)
    const told = log.entries.filter(({ level }) => level === 'error').map(({ msg }) => String(msg))
    assert.deepEqual(told.map((message) => message.split(':')[0]).sort(), [
      'schedule-a.json',
      'schedule-b.json',
      'schedule-often.json',
      'the configuration of schedule/c cannot be used',
    ])
  })

  it('simple ones run in their beat, each run in one line of the log', async () => {
    const source = "openidm.create('managed/role', null, { name: 'beat' })"
    const simple = {
      type: 'simple',
      repeatInterval: 1000,
      repeatCount: 2,
      invokeService: 'org.forgerock.openidm.script',
      invokeContext: { script: { type: 'text/javascript', source } },
      recoverable: true,
      color: 'x',
    }
    const { call, gateway, log } = await startGateway({ conf: { 'schedule-beat.json': simple } })
    const said = () => log.with('schedule beat has run')
    await until(() => said().length > 1)
    await until(async () => ((await call('/scheduler/job/beat')).json as JsonObject).nextRunDate === null)
    const running = async () =>
      (await call('/scheduler/job?_action=listCurrentlyExecutingJobs', { method: 'POST' })).json as unknown[]
    await until(async () => (await running()).length === 0)
    const { result } = await gateway.connection.query('managed/role', { _queryFilter: 'true' })
    // A time that comes while the last run is active is skipped.
    assert.ok(result.length <= 3)
    assert.equal(said().length, result.length)
    assert.deepEqual(
      Object.keys(said()[0] ?? {}).filter((name) => ['schedule', 'ms', 'service'].includes(name)),
      ['schedule', 'ms', 'service'],
    )
    const ignored = gateway.notices.filter(({ file }) => file === 'schedule-beat.json')
    assert.deepEqual(
      ignored.map(({ pointer }) => pointer),
      [['recoverable'], ['color']],
    )
  })

  it('one that fails is one line too', async () => {
    const context = { script: { type: 'text/javascript', source: 'throw "lost"' } }
    const conf = { 'schedule-bad.json': { type: 'simple', invokeService: 'script', invokeContext: context } }
    const { log } = await startGateway({ conf })
    const failures = () => log.entries.filter(({ schedule }) => schedule === 'bad')
    await until(() => failures().length > 0)
    assert.match(String(failures()[0]?.msg), /^schedule bad failed: .*lost/)
    assert.equal(failures().length, 1)
  })

  it('one that is switched off is not judged', async () => {
    const off = { enabled: false, type: 'cron', invokeService: 'taskscanner', timeZone: 'Europe/Nowhere' }
    const conf = { 'schedule-off.json': off, 'schedule-text.json': { ...off, enabled: 'false' } }
    const { call, log } = await startGateway({ conf })
    const job = (await call('/scheduler/job/off')).json as JsonObject
    assert.deepEqual(
      [job.enabled, job.invokeService, job.triggers, job.nextRunDate],
      [false, 'org.forgerock.openidm.taskscanner', [], null],
    )
    assert.deepEqual(
      log.entries.filter(({ level }) => level === 'error' || level === 'warn'),
      [],
    )
  })

  it('refuse what they cannot keep, and say what would do', () => {
    const fault = (content: object): string => {
      const parsed = scheduleSchema.safeParse({ ...EVERY_SECOND, ...content })
      return parsed.success
        ? ''
        : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
    }
    assert.equal(fault({}), '')
    assert.match(fault({ timeZone: 'Europe/Nowhere' }), /timeZone: must be the name of a time zone/)
    assert.match(fault({ schedule: 'often' }), /schedule: is not a valid cron expression/)
    assert.match(fault({ invokeService: 'taskscanner' }), /invokeService: must be one of sync, script/)
    assert.match(fault({ invokeContext: { action: 'liveSync' } }), /action: must be "reconcile"/)
    assert.match(fault({ misfirePolicy: 'panic' }), /misfirePolicy: must be "fireAndProceed" or "doNothing"/)
    assert.match(fault({ type: 'weekly' }), /type: must be "cron" or "simple"/)
    assert.match(fault({ schedule: undefined }), /schedule: must be a cron expression/)
    assert.match(fault({ startTime: 'soon' }), /startTime: must be a time/)
    assert.match(fault({ repeatInterval: -1 }), /repeatInterval: must be a number of milliseconds/)
    assert.match(fault({ concurrentExecution: 'maybe' }), /concurrentExecution: must be true or false/)
    assert.equal(fault({ concurrentExecution: 'true', persisted: true, startTime: null }), '')
    assert.equal(fault({ invokeService: 'org.forgerock.openidm.sync' }), '')
  })
})
