/** Commands that concern one run at the same moment, and processes that end between two steps. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { ReconService } from '../../lib/sync/runs/recon-service.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { until } from '../helpers/until.ts'
import { type Stage, startStage } from './parts.ts'

const USERS = ['u1', 'u2', 'u3']

async function planned(): Promise<Stage & { readonly plan: string }> {
  const stage = await startStage()
  for (const id of USERS) await stage.put('a', id, { name: id })
  const { _id } = await stage.run({ analyze: true })
  return { ...stage, plan: String(_id) }
}

/** Lets the next `moveRows` do its work and not return: its process seems to have ended. */
function holdAfterMove({ service: { parts } }: Stage) {
  const { runs } = parts
  const move = runs.moveRows.bind(runs)
  const end = Promise.withResolvers<number>()
  const reached = Promise.withResolvers<void>()
  runs.moveRows = async (...args) => {
    runs.moveRows = move
    await move(...args)
    reached.resolve()
    return end.promise
  }
  return { reached: reached.promise, release: () => end.resolve(0), fail: () => end.reject(new Error('no disk')) }
}

/** A plan whose rows have been moved to the run that executes it, which has not begun. */
async function executing() {
  const stage = await planned()
  const held = holdAfterMove(stage)
  const execution = stage.service.execute(stage.plan)
  await held.reached
  return { stage, held, execution }
}

/** The same, and another process that finds it so; `id` is that of the run. */
async function crashed() {
  const { stage, held, execution } = await executing()
  const next = await afterCrash(stage)
  const id = String((await executionsOf(next, stage.plan))[0]?.run)
  const end = async (): Promise<void> => {
    held.fail()
    await assert.rejects(execution, /no disk/)
  }
  return { stage, next, id, end }
}

/** Another process on the same database. */
async function afterCrash({ service }: Stage): Promise<ReconService> {
  const next = new ReconService(service.parts)
  onCleanUp(() => next.dispose())
  await next.begin()
  return next
}

const targets = async ({ connection }: Stage) => (await connection.query('b', { _queryFilter: 'true' })).result.length

const executionsOf = async (service: ReconService, id: string) =>
  (await service.plans.shown(await service.stored(id))).executions as JsonObject[]

describe('a plan whose execution ends with its process', () => {
  it('before the first row: the plan names the execution, which is resumed', async () => {
    const { stage, next, id, end } = await crashed()
    assert.equal((await executionsOf(next, stage.plan))[0]?.count, 0)
    const run = await next.resume(id)
    await run.ended
    assert.deepEqual([run.state, await targets(stage)], ['SUCCESS', 3])
    assert.deepEqual(
      (await executionsOf(next, stage.plan)).map(({ run, count }) => [run, count]),
      [[id, 3]],
    )
    await end()
  })

  it('before it has its rows: nothing is left to resume, and the plan is as it was', async () => {
    const stage = await planned()
    const { runs } = stage.service.parts
    const resume = { options: {}, isApproved: true, target: 'b' }
    const run = { id: 'x', mapping: 'm', state: 'ACTIVE', isAnalysis: false, persists: true, content: {}, resume }
    await runs.insert(run)
    const next = await afterCrash(stage)
    assert.equal((await next.get('x')).resumable, false)
    await (await next.execute(stage.plan)).ended
    assert.equal(await targets(stage), 3)
  })
})

describe('commands that concern one run at the same moment', () => {
  const BUSY = /is being executed, resumed or removed at this moment/

  it('a plan that is being executed is neither removed nor executed again', async () => {
    const { stage, held, execution } = await executing()
    await assert.rejects(stage.service.remove(stage.plan), BUSY)
    await assert.rejects(stage.service.execute(stage.plan), BUSY)
    held.release()
    await (await execution).ended
    assert.equal(await targets(stage), 3)
  })

  it('an interrupted run is resumed once, and not removed meanwhile', async () => {
    const { stage, next, id, end } = await crashed()
    const [first, second, removal] = await Promise.allSettled([next.resume(id), next.resume(id), next.remove(id)])
    assert.deepEqual([first.status, second.status, removal.status], ['fulfilled', 'rejected', 'rejected'])
    if (first.status === 'fulfilled') await first.value.ended
    assert.equal(await targets(stage), 3)
    await end()
  })

  it('a run that cannot start ends as failed, and keeps nothing from stopping', async () => {
    const { stage, held, execution } = await executing()
    held.fail()
    await assert.rejects(execution, /no disk/)
    const { state } = (await stage.service.list()).at(-1) ?? {}
    assert.equal(state, 'FAILED')
    await stage.service.dispose()
  })

  it('an interrupted run whose resuming fails stays interrupted', async () => {
    const { stage, next, id, end } = await crashed()
    const { runs } = next.parts
    const update = runs.update.bind(runs)
    runs.update = async (...args) => {
      runs.update = update
      await update(...args)
      throw new Error('no disk')
    }
    await assert.rejects(next.resume(id), /no disk/)
    assert.equal((await next.get(id)).stage, 'INTERRUPTED')
    const run = await next.resume(id)
    await run.ended
    assert.deepEqual([run.state, await targets(stage)], ['SUCCESS', 3])
    await end()
  })

  it('an interrupted run that is canceled is given up', async () => {
    const { next, id, end } = await crashed()
    await next.cancel(id)
    const { state, resumable } = await next.get(id)
    assert.deepEqual([state, resumable], ['CANCELED', undefined])
    await assert.rejects(next.resume(id), /cannot be resumed/)
    await assert.rejects(next.cancel(id), /has ended already/)
    await end()
  })

  it('a plan that is removed while it is read is not taken for a shorter one', async () => {
    const stage = await planned()
    const { runs } = stage.service.parts
    const rows = runs.rows.bind(runs)
    let reads = 0
    runs.rows = (number) => {
      const own = rows(number)
      const after = own.after.bind(own)
      own.after = async (...args) => {
        reads += 1
        if (reads === 1) await stage.service.remove(stage.plan)
        return after(...args)
      }
      return own
    }
    await assert.rejects(
      stage.connection.query(`recon/plan/${stage.plan}/entry`, { _queryFilter: 'true' }),
      /not found/,
    )
    await until(() => reads > 0)
  })
})
