import assert from 'node:assert/strict'
import { cronFault, instantOf } from '../../../lib/core/time/cron.ts'
import { type Schedule, scheduleSchema } from '../../../lib/gateway/schedules/schedule.ts'
import { decideDue, timetableOf } from '../../../lib/gateway/schedules/timetable.ts'

const SYNC = { invokeService: 'sync', invokeContext: { action: 'reconcile', mapping: 'm' } }
const scheduleOf = (content: object): Schedule => scheduleSchema.parse({ ...SYNC, ...content })
const cron = (schedule: string, more: object = {}) => scheduleOf({ schedule, timeZone: 'UTC', ...more })
const every = (repeatInterval: number, more: object = {}) => scheduleOf({ type: 'simple', repeatInterval, ...more })

const BEGUN = '2026-01-01T00:00:00.000Z'
const NONE = 'none'

/** What is due after a date, when the job came into force at BEGUN. */
const TIMES: [title: string, schedule: Schedule, after: string, next: string][] = [
  ['cron at night', cron('0 0 2 * * ?'), '2026-01-01T00:00:00Z', '2026-01-01T02:00:00.000Z'],
  ['cron on Sundays', cron('0 0 2 ? * 1'), '2026-01-01T00:00:00Z', '2026-01-04T02:00:00.000Z'],
  ['cron by the name of the day', cron('0 15 10 ? * MON-FRI'), '2026-01-03T00:00:00Z', '2026-01-05T10:15:00.000Z'],
  ['cron each quarter of an hour', cron('0 0/15 * * * ?'), '2026-01-01T00:00:00Z', '2026-01-01T00:15:00.000Z'],
  ['cron with a year', cron('0 0 0 1 1 ? 2028'), '2026-01-01T00:00:00Z', '2028-01-01T00:00:00.000Z'],
  ['cron on the last of the month', cron('0 0 0 L * ?'), '2026-02-01T00:00:00Z', '2026-02-28T00:00:00.000Z'],
  [
    'cron in a time zone',
    cron('0 0 2 * * ?', { timeZone: 'Europe/Oslo' }),
    '2026-01-01T00:00:00Z',
    '2026-01-01T01:00:00.000Z',
  ],
  [
    'cron not before its start',
    cron('0 0 2 * * ?', { startTime: '2026-03-01T06:00:00' }),
    BEGUN,
    '2026-03-02T02:00:00.000Z',
  ],
  ['cron not after its end', cron('0 0 2 * * ?', { endTime: '2026-01-02T00:00:00' }), '2026-01-01T02:00:00Z', NONE],
  ['simple at once', every(1000), '2025-12-31T23:59:59.999Z', BEGUN],
  ['simple in its beat', every(1000), '2026-01-01T00:00:10.500Z', '2026-01-01T00:00:11.000Z'],
  ['simple strictly after', every(1000), '2026-01-01T00:00:11.000Z', '2026-01-01T00:00:12.000Z'],
  ['simple with repeatCount -1', every(1000, { repeatCount: -1 }), '2027-01-01T00:00:00Z', '2027-01-01T00:00:01.000Z'],
  [
    'simple: the last repetition',
    every(1000, { repeatCount: 2 }),
    '2026-01-01T00:00:01.000Z',
    '2026-01-01T00:00:02.000Z',
  ],
  ['simple: no repetition more', every(1000, { repeatCount: 2 }), '2026-01-01T00:00:02.000Z', NONE],
  ['simple without interval: once', every(0), '2025-12-31T00:00:00Z', BEGUN],
  ['simple without interval: not again', scheduleOf({ type: 'simple' }), BEGUN, NONE],
  ['simple from its start', every(60_000, { startTime: '2026-03-01T06:00:30Z' }), BEGUN, '2026-03-01T06:00:30.000Z'],
  ['simple until its end', every(60_000, { endTime: '2026-01-01T00:01:30Z' }), '2026-01-01T00:01:00Z', NONE],
]

describe('the times of a schedule', () => {
  for (const [title, schedule, after, next] of TIMES)
    it(`${title}: ${next}`, () => {
      const found = timetableOf(schedule, new Date(BEGUN))(new Date(after))
      assert.equal(found?.toISOString() ?? NONE, next)
    })

  const LATE: [title: string, policy: Schedule['misfirePolicy'], lateMs: number, fires: boolean][] = [
    ['in time', 'fireAndProceed', 0, true],
    ['in time', 'doNothing', 0, true],
    ['a little late', 'doNothing', 60_000, true],
    ['missed', 'fireAndProceed', 60_001, true],
    ['missed', 'doNothing', 60_001, false],
    ['missed often', 'fireAndProceed', 10 * 3_600_000, true],
    ['missed often', 'doNothing', 10 * 3_600_000, false],
  ]
  for (const [title, misfirePolicy, lateMs, fires] of LATE)
    it(`one ${title} ${fires ? 'runs once' : 'does not run'} with ${misfirePolicy}, and is due after now`, () => {
      const schedule = every(3_600_000, { misfirePolicy })
      const now = new Date(Date.parse(BEGUN) + lateMs)
      const turn = decideDue(schedule, timetableOf(schedule, new Date(BEGUN)), new Date(BEGUN), now)
      assert.equal(turn.fires, fires)
      const hours = Math.floor(lateMs / 3_600_000) + 1
      assert.equal(turn.next?.getTime(), Date.parse(BEGUN) + hours * 3_600_000)
    })

  const MOMENTS: [text: string, zone: string | undefined, moment: string][] = [
    ['2026-01-31T06:00:00', 'Europe/Oslo', '2026-01-31T05:00:00.000Z'],
    ['2026-07-31T06:00:00', 'Europe/Oslo', '2026-07-31T04:00:00.000Z'],
    ['2026-01-31T06:00:00Z', 'Europe/Oslo', '2026-01-31T06:00:00.000Z'],
    ['2026-01-31T06:00:00.000+02:00', undefined, '2026-01-31T04:00:00.000Z'],
    ['2026-13-31T06:00:00', 'UTC', NONE],
    ['tomorrow', 'UTC', NONE],
    ['* * * * * *', 'UTC', NONE],
  ]
  for (const [text, zone, moment] of MOMENTS)
    it(`${text} in ${zone ?? 'no zone'} is ${moment}`, () =>
      assert.equal(instantOf(text, zone)?.toISOString() ?? NONE, moment))

  const EXPRESSIONS: [expression: string, isValid: boolean][] = [
    ['0 0/1 * * * ?', true],
    ['0 0 2 ? * MON-FRI', true],
    ['0 0 2 ? * 6#3', true],
    ['0 0 2 LW * ? 2026-2030', true],
    ['* * * * *', false],
    ['* * * * * *', false],
    ['? * * * * ?', false],
    ['0 0 2 ? * ?', false],
    ['60 * * * * ?', false],
    ['@daily', false],
    ['2026-01-31T06:00:00', false],
    ['', false],
  ]
  for (const [expression, isValid] of EXPRESSIONS)
    it(`"${expression}" is ${isValid ? 'an' : 'no'} expression of Quartz`, () =>
      assert.equal(cronFault(expression) === undefined, isValid))
})
