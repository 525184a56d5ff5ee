import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { Job } from '../../../lib/gateway/schedules/job.ts'
import { scheduleSchema } from '../../../lib/gateway/schedules/schedule.ts'
import { timingOf } from '../../../lib/gateway/schedules/timetable.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { memoryLog } from '../../helpers/log.ts'
import { until } from '../../helpers/until.ts'

describe('a job whose run outlasts its interval', () => {
  for (const concurrentExecution of [false, true])
    it(`${concurrentExecution ? 'runs beside itself' : 'skips its times'} with concurrentExecution ${concurrentExecution}`, async () => {
      let runs = 0
      const done = Promise.withResolvers<void>()
      const content = {
        type: 'simple',
        repeatInterval: 10,
        concurrentExecution,
        invokeService: 'sync',
        invokeContext: { action: 'reconcile', mapping: 'm' },
      }
      const log = memoryLog()
      const job = new Job({
        name: 'slow',
        content,
        raw: content,
        isFile: false,
        state: undefined,
        run: async () => {
          runs += 1
          await done.promise
          return {}
        },
        save: async () => undefined,
        isHeld: () => false,
        isPaused: () => false,
        log,
      })
      onCleanUp(() => job.stop())
      job.start()
      if (concurrentExecution) await until(() => runs > 2)
      else {
        const first = job.state.next
        await until(() => job.state.next !== first)
        assert.equal(runs, 1)
      }
      assert.equal(job.isRunning, true)
      done.resolve()
      if (!concurrentExecution) await until(() => runs > 1)
    })
})

describe('a job that was held', () => {
  it('begins with its next time when it is accepted: the times before are not missed ones', async () => {
    const HOUR = 3_600_000
    const content = {
      type: 'simple',
      repeatInterval: HOUR,
      misfirePolicy: 'fireAndProceed',
      persisted: true,
      invokeService: 'sync',
      invokeContext: { action: 'reconcile', mapping: 'm' },
    }
    const begun = new Date(Date.now() - 2.5 * HOUR).toISOString()
    const timing = timingOf(scheduleSchema.parse(content))
    const state = { timing, activated: begun, previous: null, next: begun }
    let [isHeld, runs, saves] = [true, 0, 0]
    const job = new Job({
      ...{ name: 'held', content, raw: content, isFile: true, state },
      run: async () => {
        runs += 1
        return {}
      },
      save: async () => {
        saves += 1
      },
      isHeld: () => isHeld,
      isPaused: () => false,
      log: memoryLog(),
    })
    onCleanUp(() => job.stop())
    job.start()
    assert.equal(saves, 0)
    isHeld = false
    job.arm()
    await until(() => saves === 1)
    await setImmediate()
    assert.equal(runs, 0)
    assert.ok(new Date(job.state.next ?? 0).getTime() > Date.now())
  })
})
