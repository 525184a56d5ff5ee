import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { type CrashKind, CrashStage, TASK_THREADS, type Victim } from './crash/crash-stage.ts'

/** Crashes of each kind; CRASH_POINTS=200 by hand. */
const POINTS = Number(process.env.CRASH_POINTS ?? 3)
const USERS = 120
/** Creations between two crashes, at most. */
const MAX_WRITES = 40

interface Kind extends CrashKind {
  readonly mayBeUnknown?: boolean
}

const KINDS: Readonly<Record<string, Kind>> = {
  'the target takes ids, nothing correlates': { correlates: false },
  'the target takes ids, sources correlate': { correlates: true },
  'the mapping sets the ids, nothing correlates': { correlates: false, mapsIds: true },
  'the target refuses ids, sources correlate': { correlates: true, two: { clientIds: 403 } },
  'the target refuses ids, nothing correlates': { correlates: false, two: { clientIds: 400 }, mayBeUnknown: true },
  'the target names objects by a field, nothing correlates': {
    correlates: false,
    two: { namedBy: 'userName' },
    mayBeUnknown: true,
  },
  'the target gives ids of its own, nothing correlates': { correlates: false, namesItself: true, mayBeUnknown: true },
}

const VICTIMS: readonly Victim[] = ['SIGKILL', 'SIGTERM', 'target']
const isAll = process.env.CRASH_POINTS !== undefined
/** A process that is killed, for each kind; of the other victims, each in turn for every second kind. With CRASH_POINTS, all. */
const CASES = Object.entries(KINDS).flatMap(([title, kind], index) =>
  VICTIMS.filter((victim) => isAll || victim === 'SIGKILL' || victim === VICTIMS[1 + ((index / 2) % 2)]).map(
    (victim) => ({
      ...{ title, kind, victim },
    }),
  ),
)

for (const { title, kind, victim } of CASES)
  describe(`${victim === 'target' ? 'a target that is killed' : victim} while a run creates: ${title}`, function () {
    this.timeout(120_000 + POINTS * 20_000)

    it(`creates nothing twice and loses nothing, after ${POINTS} crashes`, async () => {
      let points = 0
      let unknown = 0
      while (points < POINTS) {
        const done = await crashes(await CrashStage.start(kind, USERS), victim, POINTS - points)
        points += done.points
        unknown += done.unknown
        assert.equal(done.doubles, 0)
        assert.ok(done.missing <= done.unknown, `${done.missing} are missing, ${done.unknown} are unknown`)
        assert.ok(done.unknown <= (kind.mayBeUnknown ? TASK_THREADS * done.points : 0), `${done.unknown} are unknown`)
        assert.equal(done.linked, USERS - done.unknown, 'the others are linked')
      }
      if (process.env.CRASH_POINTS) console.log(`      ${points} crashes, ${unknown} rows unknown`)
    })
  })

/** Crashes a run again and again, until it comes to its end. */
async function crashes(stage: CrashStage, victim: Victim, max: number) {
  let how: 'resume' | 'recon' = 'recon'
  let run: JsonObject | undefined
  let points = 0
  for (; points < max; points++) {
    run = await stage.crash(how, victim, Math.ceil(Math.random() * MAX_WRITES))
    if (run && run.stage !== 'INTERRUPTED') break
    // Somebody resumes it, or just starts another one.
    how = Math.random() < 0.7 ? 'resume' : 'recon'
  }
  if (!run || run.stage === 'INTERRUPTED') run = await stage.run(how)
  assert.equal(run.state, 'SUCCESS', String(run.stageDescription))
  return { points: Math.max(points, 1), ...(await stage.outcome()) }
}
