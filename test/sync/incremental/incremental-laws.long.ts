/** Random changes and runs: `SYNC_LAW_CASES=500` runs more of them, `SYNC_LAW_SEED` the same ones again. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { JsonObject } from '../../../lib/contract.ts'
import { errorAnswer, type FakeIdm, type FakeRequest, respond } from '../../helpers/fake-idm/fake-idm.ts'
import { MAPPING, USERS } from '../fake-stage.ts'
import { type IncrementalStage, incrementalStage } from './incremental-stage.ts'

const CASES = Number(process.env.SYNC_LAW_CASES ?? 15)
const SEED = process.env.SYNC_LAW_SEED === undefined ? {} : { seed: Number(process.env.SYNC_LAW_SEED) }

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('edit' as const), id, sn: fc.constantFrom('x', 'y', 'z') }) },
  // One always stays: of an empty source, nothing shows whether its field finds changes.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), id: id.filter((one) => one !== 'a') }) },
  // Its writes fail in the next run.
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), id }) },
  // It is changed while the next run reads.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('late' as const), id }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('clock' as const), minutes: fc.integer({ min: 0, max: 30 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'changed' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'planned' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'full' as const }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

describe('random changes, failures and runs over what changed', function () {
  this.timeout(3_600_000)

  it('leave no source behind, and a sweep does the rest', async () => {
    const stage = await incrementalStage({}, [])
    let count = 0
    const law = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 14 }),
      fc.constantFrom('zero', '5 minutes'),
      fc.integer({ min: -300, max: 300 }),
      async (steps, overlap, skew) => {
        count += 1
        await check(stage, { name: `m${count}`, overlap }, skew, steps)
      },
    )
    await fc.assert(law, { numRuns: CASES, ...SEED })
  })
})

async function check(
  stage: IncrementalStage,
  { name, overlap }: { readonly name: string; readonly overlap: string },
  skew: number,
  steps: readonly Step[],
): Promise<void> {
  const { one, two } = stage
  for (const idm of [one, two]) idm.reset()
  let clock = skew * 60_000
  one.switches.clockSkew = clock
  const mapping: JsonObject = {
    ...MAPPING,
    ...{ name, allowEmptySourceSet: true, maxDeletes: '100%', maxClears: '100%' },
    incremental: { changedField: 'lastModified', overlap },
    policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }],
  }
  await stage.configure([mapping])
  for (const first of ['a', 'b']) stage.add(first)
  const write = (target: string, sn: string) =>
    one.ids(USERS).includes(target) ? stage.edit(target, { sn }) : stage.add(target, { sn })
  let pending: { remove(): void }[] = []
  const run = async (parameters = '') => {
    const ended = await stage.recon(parameters, undefined, name)
    assert.equal(ended.state, 'SUCCESS', JSON.stringify(ended))
    return ended
  }
  const settled = async (work: () => Promise<unknown>) => {
    await work()
    for (const one of pending) one.remove()
    pending = []
  }
  const act = async (what: Step) => {
    switch (what.kind) {
      case 'edit':
        return write(what.id, what.sn)
      case 'delete':
        return one.ids(USERS).includes(what.id) && one.delete(USERS, what.id)
      case 'clock':
        clock += what.minutes * 60_000
        one.switches.clockSkew = clock
        return
      case 'fail': {
        const fails = two.intercept((request) => isAbout(two, request, what.id), respond(errorAnswer(403, 'no')))
        return pending.push(fails)
      }
      case 'late': {
        const late = one.intercept(
          `GET ${USERS}`,
          async (request, next) => {
            const answer = await next(request)
            write(what.id, 'late')
            return answer
          },
          { times: 1 },
        )
        return pending.push(late)
      }
      case 'changed':
        return settled(() => run('&changed=true'))
      case 'planned':
        return settled(async () => {
          const plan = await run('&changed=true&analyze=true')
          const { status, json } = await stage.post(`/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`)
          assert.equal(status, 200, JSON.stringify(json))
        })
      case 'full':
        return settled(() => run())
    }
  }
  await run()
  for (const what of steps) await act(what)
  await settled(async () => undefined)
  await run('&changed=true')
  const state = (idm: typeof one) =>
    Object.fromEntries(idm.objects(USERS).map(({ userName, sn }) => [String(userName), sn]))
  const [sources, targets] = [state(one), state(two)]
  for (const [user, sn] of Object.entries(sources)) assert.equal(targets[user], sn, user)
  await run()
  assert.deepEqual(state(two), sources)
}

/** Whether a request writes the user of this name. */
const isAbout = (idm: FakeIdm, { isWrite, path, exactBody }: FakeRequest, name: string): boolean =>
  isWrite &&
  (idm.object(USERS, path.split('/').at(-1) ?? '')?.userName === name ||
    JSON.stringify(exactBody ?? null).includes(`"userName":"${name}"`))
