import assert from 'node:assert/strict'
import { type CrashKind, CrashStage, TASK_THREADS } from './crash/crash-stage.ts'

const NOTHING_LOST = { unknown: 0, doubles: 0, missing: 0 }

describe('a process that is killed at its first creation', function () {
  this.timeout(120_000)

  for (const [title, kind, isDone, how] of [
    ['with ids of ours, carried out', {}, true, 'resume'],
    ['with ids of ours, not carried out', {}, false, 'recon'],
    ['with ids of the mapping, carried out', { mapsIds: true }, true, 'recon'],
    ['with ids of the mapping, not carried out', { mapsIds: true }, false, 'resume'],
  ] as const)
    it(`${title}: ${how} creates each object once`, async () => {
      const stage = await CrashStage.start({ correlates: false, ...kind }, 12)
      await stage.killAt('recon', 1, isDone)
      const run = await stage.run(how)
      assert.equal(run.state, 'SUCCESS', String(run.stageDescription))
      assert.deepEqual(await stage.outcome(), { ...NOTHING_LOST, linked: 12 })
    })

  for (const [title, kind, how, other] of [
    ['with ids of ours', { namesItself: true }, 'resume', 'recon'],
    ['with ids of the mapping', { namesItself: true, mapsIds: true }, 'recon', 'resume'],
  ] as const) {
    it(`${title}, at a target that names objects itself: ${how} leaves it unknown`, async () => {
      const stage = await CrashStage.start({ correlates: false, ...kind }, 12)
      await stage.killAt('recon', 1)
      await stage.run(how)
      const { unknown, linked, ...rest } = await stage.outcome()
      assert.deepEqual([unknown, linked, rest], [1, 11, { doubles: 0, missing: 0 }])
      // Nor does anybody who comes later.
      await stage.run('recon')
      assert.deepEqual(await stage.outcome(), { unknown: 1, linked: 11, doubles: 0, missing: 0 })
    })

    it(`${title}, at such a target, but sources correlate: ${other} finds it`, async () => {
      const stage = await CrashStage.start({ correlates: true, ...kind }, 12)
      await stage.killAt('recon', 1)
      await stage.run(other)
      assert.deepEqual(await stage.outcome(), { ...NOTHING_LOST, linked: 12 })
    })
  }

  it('of a target that is known to refuse ids: at most the rows in flight are unknown', async () => {
    const stage = await CrashStage.start({ correlates: false, two: { clientIds: 403 } }, 1)
    await stage.run('recon')
    stage.one.seed(
      'managed/user',
      Array.from({ length: 40 }, (_, index) => ({ _id: `late${index}`, userName: `late.${index}`, sn: 'x' })),
    )
    await stage.killAt('recon', 5)
    await stage.run('resume')
    const { unknown, doubles, linked } = await stage.outcome()
    assert.ok(unknown > 0 && unknown <= TASK_THREADS, `${unknown} are unknown`)
    assert.deepEqual([doubles, linked], [0, 41 - unknown])
  })

  it('and the only one: it is unknown, unless an earlier run has seen that the target keeps ids', async () => {
    const kind: CrashKind = { correlates: false }
    const first = await CrashStage.start(kind, 1)
    await first.killAt('recon', 1, false)
    await first.run('resume')
    assert.deepEqual(await first.outcome(), { unknown: 1, doubles: 0, missing: 1, linked: 0 })
    const second = await CrashStage.start(kind, 1)
    await second.run('recon')
    second.one.seed('managed/user', [{ _id: 'late', userName: 'late', sn: 'x' }])
    await second.killAt('recon', 1, false)
    await second.run('resume')
    assert.deepEqual(await second.outcome(), { unknown: 0, doubles: 0, missing: -1, linked: 2 })
  })
})
