import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { Job } from '../../../lib/gateway/schedules/job.ts'
import { type JobState, JobStore } from '../../../lib/gateway/schedules/job-store.ts'
import { scheduleSchema } from '../../../lib/gateway/schedules/schedule.ts'
import { timingOf } from '../../../lib/gateway/schedules/timetable.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { memoryLog } from '../../helpers/log.ts'
import { until } from '../../helpers/until.ts'
import { tempRepository } from '../../repo/repositories.ts'

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

describe('a job that is due in two processes, since the leader changes', () => {
  const content = {
    type: 'simple',
    repeatInterval: 3_600_000,
    persisted: true,
    invokeService: 'sync',
    invokeContext: { action: 'reconcile', mapping: 'm' },
  }
  const timing = timingOf(scheduleSchema.parse(content))

  async function stage() {
    const repository = await tempRepository()
    const due = new Date(Date.now() - 1000).toISOString()
    const state = { timing, activated: due, previous: null, next: due }
    const store = await JobStore.open(repository)
    await store.saveState('j', state)
    let runs = 0
    const start = async (save: (store: JobStore, from: JobState, to: JobState) => Promise<boolean>) => {
      const own = await JobStore.open(repository)
      const job = new Job({
        ...{ name: 'j', content, raw: content, isFile: true, state: await own.state('j') },
        run: async () => {
          runs += 1
          return {}
        },
        save: async (to, from) => (to && from ? save(own, from, to) : undefined),
        isHeld: () => false,
        isPaused: () => false,
        log: memoryLog(),
      })
      onCleanUp(() => job.stop())
      return job
    }
    return { store, state, start, runs: () => runs }
  }

  it('runs once', async () => {
    const { store, state, start, runs } = await stage()
    const advance = (own: JobStore, from: JobState, to: JobState) => own.advance('j', from, to)
    const jobs = [await start(advance), await start(advance)]
    for (const job of jobs) job.start()
    await until(() => jobs.every((job) => job.state.next !== state.next))
    await until(() => runs() > 0)
    for (const job of jobs) job.stop()
    assert.equal(runs(), 1)
    assert.equal((await store.state('j'))?.previous, state.next)
  })

  it('does not run while that cannot be stored, and runs when it can', async () => {
    const { start, runs } = await stage()
    let calls = 0
    const job = await start(async (own, from, to) => {
      calls += 1
      if (calls === 1) throw new Error('the database cannot be reached')
      assert.equal(runs(), 0)
      return own.advance('j', from, to)
    })
    job.start()
    await until(() => runs() === 1)
    assert.equal(calls, 2)
  })

  it('is decided when it runs, or does not: whoever pauses jobs waits for that', async () => {
    const { start, runs } = await stage()
    const stored = Promise.withResolvers<boolean>()
    const job = await start(() => stored.promise)
    job.start()
    let isDecided = false
    const decided = job.decided.then(() => {
      isDecided = true
    })
    await setImmediate()
    assert.deepEqual([isDecided, runs()], [false, 0])
    stored.resolve(true)
    await decided
    assert.equal(runs(), 1)
  })
})
