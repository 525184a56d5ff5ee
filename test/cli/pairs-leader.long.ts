/** The worker that leads is stopped in the middle of a run. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { workersOf } from '../gateway/workers-stage.ts'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { until } from '../helpers/until.ts'
import { Stage, USERS } from './pairs/stage.ts'

describe('the leader of several workers', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    it(`that gets ${signal} leaves a run that another worker resumes`, async function () {
      if (process.platform !== 'linux') this.skip()
      this.timeout(300_000)
      const stage = await Stage.create()
      const gateway = await startGatewayProcess({}, { project: stage.project, args: ['--workers', '2'] })
      stage.users.close()
      const started = await gateway.call('recon?_action=recon&mapping=m', { method: 'POST' })
      const run = String((started.json as JsonObject)._id)
      await stage.requested()
      const isGone = (pid: number) => until(() => !workersOf(gateway).includes(pid), 'the worker ended')
      for (const worker of workersOf(gateway)) {
        process.kill(worker, signal)
        stage.users.open()
        await isGone(worker)
        await until(() => workersOf(gateway).length === 2, 'it was replaced')
      }
      const shown = await until(async () => {
        const { status, json } = await gateway.call(`recon/${run}`)
        return status === 200 && (json as JsonObject).state !== 'ACTIVE' && (json as JsonObject)
      }, 'the run ended')
      if (shown.state !== 'SUCCESS') {
        assert.deepEqual([shown.stage, shown.resumable], ['INTERRUPTED', true])
        // A worker that has just replaced another one answers 503 until it serves.
        const resumed = await until(async () => {
          const answer = await gateway.call(`recon/${run}?_action=resume&waitForCompletion=true`, { method: 'POST' })
          return answer.status !== 503 && answer
        }, 'the run is resumed')
        assert.deepEqual(resumed.json, { _id: run, state: 'SUCCESS' })
      }
      assert.deepEqual(await stage.created(), USERS)
      await gateway.process.kill()
      await stage.assertSound()
    })
})
