import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { nextTime } from '../../../lib/gateway/schedules/cron.ts'
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

  it('read cron as Quartz does', () => {
    const next = (pattern: string) =>
      nextTime(
        { pattern, timeZone: 'UTC', start: undefined, end: undefined },
        new Date('2026-01-01T00:00:00Z'),
      )?.toISOString()
    assert.equal(next('0 0 2 * * ?'), '2026-01-01T02:00:00.000Z')
    assert.equal(next('0 0 2 ? * 1'), '2026-01-04T02:00:00.000Z')
    assert.equal(next('0 0/15 * * * ?'), '2026-01-01T00:15:00.000Z')
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
    assert.match(fault({ schedule: 'often' }), /schedule: is no time to go by/)
    assert.match(fault({ invokeService: 'taskscanner' }), /invokeService: must be one of sync, script/)
    assert.match(fault({ invokeContext: { action: 'liveSync' } }), /action: must be "reconcile"/)
    assert.match(fault({ concurrentExecution: true }), /concurrentExecution: must be false/)
    assert.equal(fault({ invokeService: 'org.forgerock.openidm.sync' }), '')
  })
})
