import assert from 'node:assert/strict'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { namesIn, type Run, type SharedStage, startSharedStage, sumOf } from './shared-stage.ts'

/** How often a process is killed in one run. */
const POINTS = Number(process.env.CRASH_POINTS ?? 3)
const OBJECTS = 5000
const SOME = 1000
const ALONE = { clusteredSourceReconEnabled: false }

describe('a run that workers share', () => {
  ownedBySuite()
  let stage: SharedStage

  before(async () => {
    const removal = { policies: [{ situation: 'UNASSIGNED', action: 'DELETE' }], maxDeletes: 5 }
    const mappings = { plain: {}, node: {}, leader: {}, paused: {}, canceled: {}, alone: ALONE, guarded: removal }
    stage = await startSharedStage({ workers: 3, objects: OBJECTS, ms: 5, mappings })
  })

  /** Creates all, while `disturb` is called each time a further part of them is there. */
  async function disturbed(mapping: string, disturb: () => unknown): Promise<Run> {
    const target = stage.targets[mapping]
    assert.ok(target)
    target.ms = 15
    const id = await stage.start(mapping)
    for (let point = 0; point < POINTS; point++) {
      await until(() => target.created.size > ((point + 0.3) / (POINTS + 0.5)) * OBJECTS)
      await disturb()
    }
    return stage.ended(id)
  }

  async function assertComplete(mapping: string, run: Run, count: number): Promise<void> {
    assert.equal(run.state, 'SUCCESS', JSON.stringify(run))
    assert.equal((await namesIn(stage, mapping)).length, count)
    assert.equal(sumOf(run), count, JSON.stringify(run))
    assert.deepEqual(run.statusSummary, { SUCCESS: count, FAILURE: 0 })
    const { source, target, links } = run.progress as Record<string, Record<string, unknown>>
    const existing = { processed: count, total: String(count) }
    assert.deepEqual([source?.existing, target?.created, links?.created], [existing, count, count])
    const filter = encodeURIComponent(`linkType eq "${mapping}"`)
    const { json } = await stage.call(`repo/link?_queryFilter=${filter}&_countOnly=true`, 'GET')
    assert.equal((json as { resultCount: number }).resultCount, count)
  }

  it('creates every object once, and reports who has processed how many', async () => {
    const run = await stage.ended(await stage.start('plain'))
    await assertComplete('plain', run, OBJECTS)
    const counts = Object.values(run.sourceProcessedByNode)
    assert.deepEqual(Object.keys(run.sourceProcessedByNode).sort(), ['node1-1', 'node1-2', 'node1-3'])
    assert.ok(
      counts.every((count) => count > 100),
      JSON.stringify(run.sourceProcessedByNode),
    )
  })

  it('is not shared where the mapping says so', async () => {
    const run = await stage.ended(await stage.start('alone', { limit: SOME }))
    assert.equal(run.state, 'SUCCESS')
    assert.deepEqual(run.sourceProcessedByNode, {})
  })

  it('goes on when a worker is killed that carries out rows', async () => {
    await assertComplete('node', await disturbed('node', stage.killOther), OBJECTS)
  })

  it('goes on when the worker is killed that leads', async () => {
    await assertComplete('leader', await disturbed('leader', stage.killLeader), OBJECTS)
  })

  it('goes on without a worker that stands still, which writes nothing more when it goes on', async () => {
    const target = stage.targets.paused
    assert.ok(target)
    target.ms = 20
    const id = await stage.start('paused', { limit: SOME })
    await until(() => target.created.size > 0.3 * SOME)
    const goOn = await stage.pauseOther()
    // Connections that the system gives to it would wait: the run is not asked for.
    await until(() => target.created.size === SOME)
    goOn()
    await assertComplete('paused', await stage.ended(id), SOME)
  })

  it('stops when it is canceled, with a true report', async () => {
    const target = stage.targets.canceled
    assert.ok(target)
    target.ms = 20
    const id = await stage.start('canceled')
    await until(() => target.created.size > 200)
    await stage.call(`recon/${id}?_action=cancel`, 'POST')
    const run = await stage.ended(id)
    assert.equal(run.state, 'CANCELED', JSON.stringify(run))
    const { length } = await namesIn(stage, 'canceled')
    assert.ok(length < OBJECTS)
    assert.equal((run.statusSummary as { SUCCESS: number }).SUCCESS, length)
    assert.equal(target.writes, length)
  })

  it('writes nothing when a guard stops it', async () => {
    const target = stage.targets.guarded
    assert.ok(target)
    for (let index = 0; index < 20; index++)
      await stage.target.connection.create('managed/guarded', `t${index}`, { userName: `t${index}` })
    const { writes } = target
    const run = await stage.ended(await stage.start('guarded'))
    assert.equal(run.state, 'FAILED', JSON.stringify(run))
    assert.equal(target.writes, writes)
  })
})
