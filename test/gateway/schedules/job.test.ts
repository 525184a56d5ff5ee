import assert from 'node:assert/strict'
import { Job } from '../../../lib/gateway/schedules/job.ts'
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
