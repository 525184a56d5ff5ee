/** Random sources, targets and faults: `SYNC_LAW_CASES=5000` runs more of them, `SYNC_LAW_SEED` the same ones again. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { JsonObject } from '../../lib/contract.ts'
import { foreign, missingRows, rowsWithoutId } from '../helpers/fake-idm/fake-idm.ts'
import { type FakeStage, fakeStage, MAPPING, USERS } from './fake-stage.ts'

const CASES = Number(process.env.SYNC_LAW_CASES ?? 25)
const SEED = process.env.SYNC_LAW_SEED === undefined ? {} : { seed: Number(process.env.SYNC_LAW_SEED) }

/** What becomes of a pair after it was linked. */
const FATES = [
  'stays',
  'changed',
  'source gone',
  'target gone',
  'unqualified',
  'failing',
  'missed by the scan',
] as const
/** Sources and targets that were never linked. */
const STRANGERS = ['orphan', 'found', 'twins', 'failing', 'failing with a target', 'absent', 'without _id'] as const
const FAULTS = ['none', 'none', 'reads answer 404', 'reads answer HTML 404', 'deletions answer HTML 404'] as const

const stages = fc.record({
  pairs: fc.array(fc.constantFrom(...FATES), { maxLength: 5 }),
  strangers: fc.array(fc.constantFrom(...STRANGERS), { maxLength: 3 }),
  fault: fc.constantFrom(...FAULTS),
})
type Plan = typeof stages extends fc.Arbitrary<infer T> ? T : never

const DELETING = {
  validSource: {
    type: 'text/javascript',
    source: 'if (source.sn === "failing") throw "no"; source.sn !== "unqualified"',
  },
  policies: ['UNASSIGNED', 'SOURCE_MISSING', 'UNQUALIFIED'].map((situation) => ({ situation, action: 'DELETE' })),
  maxDeletes: '100%',
  maxClears: '100%',
}

const isScan = ({ query }: { readonly query: Readonly<Record<string, string>> }) =>
  query._pageSize !== undefined && query._queryFilter === 'true'

/** Prepares both sides. @returns for each target whether it may be deleted */
function prepare({ one, two }: FakeStage, { pairs, strangers, fault }: Plan): Map<string, boolean> {
  const may = new Map<string, boolean>()
  const targetOf = (name: string) => two.objects(USERS).find(({ userName }) => userName === name)?._id as string
  const missed: string[] = []
  for (const [index, fate] of pairs.entries()) {
    const id = `p${index}`
    const target = targetOf(id)
    may.set(target, fate === 'source gone' || fate === 'unqualified')
    if (fate === 'source gone') one.delete(USERS, id)
    else if (fate === 'target gone') two.delete(USERS, target)
    else if (fate === 'missed by the scan') missed.push(id)
    else if (fate !== 'stays') one.change(USERS, id, { sn: fate })
  }
  const unnamed: string[] = []
  for (const [index, kind] of strangers.entries()) {
    const id = `x${index}`
    const sn = kind.startsWith('failing') ? 'failing' : 'new'
    if (kind !== 'orphan') one.seed(USERS, [{ _id: id, userName: id, sn }])
    if (kind === 'without _id') unnamed.push(id)
    const targets = kind === 'twins' ? ['a', 'b'] : kind === 'absent' || kind === 'failing' ? [] : ['a']
    for (const suffix of targets) {
      two.seed(USERS, [{ _id: `${id}${suffix}`, userName: id, sn: 'old' }])
      may.set(`${id}${suffix}`, kind === 'orphan')
    }
  }
  const isUnassessed = strangers.some((kind) => kind.startsWith('failing') || kind === 'without _id')
  // Which target an unassessed source belongs to is not known.
  for (const [target, allowed] of may)
    if (allowed && isUnassessed && !isUnqualified(target, pairs, targetOf)) may.set(target, false)
  one.intercept(isScan, missingRows(...missed))
  one.intercept(isScan, rowsWithoutId(...unnamed))
  const isRead = ({ method, path }: { method: string; path: string }) =>
    method === 'GET' && path.startsWith(`${USERS}/`)
  if (fault === 'reads answer 404') one.intercept(isRead, foreign('idm'))
  if (fault === 'reads answer HTML 404') one.intercept(isRead, foreign('html'))
  if (fault === 'deletions answer HTML 404') two.intercept((request) => request.method === 'DELETE', foreign('html'))
  if (fault.startsWith('reads'))
    for (const [index, fate] of pairs.entries()) if (fate === 'source gone') may.set(targetOf(`p${index}`), false)
  return may
}

const isUnqualified = (target: string, pairs: Plan['pairs'], targetOf: (name: string) => string): boolean =>
  pairs.some((fate, index) => fate === 'unqualified' && targetOf(`p${index}`) === target)

async function check(stage: FakeStage, name: string, plan: Plan, isApproved: boolean): Promise<void> {
  const { one, two } = stage
  for (const idm of [one, two]) idm.reset()
  await stage.configure([{ ...MAPPING, ...DELETING, name }])
  const ids = plan.pairs.map((_, index) => `p${index}`)
  one.seed(
    USERS,
    [...ids, 'anchor'].map((id) => ({ _id: id, userName: id, sn: 'old' })),
  )
  await stage.recon('', undefined, name)
  const may = prepare(stage, plan)
  const before = two.ids(USERS)
  for (const idm of [one, two]) idm.clearRequests()
  const analysis = await stage.recon('&analyze=true', undefined, name)
  assert.equal(analysis.state, 'SUCCESS', String(analysis.stageDescription))
  assert.deepEqual(
    [...one.writes, ...two.writes].map(({ line }) => line),
    [],
    'an analysis only reads',
  )
  const rows = await stage.rows(analysis)
  if (isApproved) {
    const path = `/recon/${String(analysis._id)}?_action=execute&waitForCompletion=true`
    const { status, text } = await stage.gateway.call(path, { method: 'POST' })
    assert.equal(status, 200, text)
  } else await stage.recon('', undefined, name)
  const deleted = before.filter((id) => !two.ids(USERS).includes(id))
  for (const id of deleted) assert.equal(may.get(id) ?? false, true, `${id} was deleted`)
  assert.deepEqual(
    one.writes.map(({ line }) => line),
    [],
    'sources are never written',
  )
  if (isApproved && plan.fault === 'none')
    assert.deepEqual(two.writes.map(writeOf).sort(), rows.flatMap(plannedWrite).sort(), 'exactly the plan')
}

/** A request without the random id of a new object. */
const writeOf = ({ method, line }: { readonly method: string; readonly line: string }): string =>
  method === 'PUT' ? `PUT ${USERS}` : line

/** The request that a row of a plan stands for. */
function plannedWrite({ action, status, targetObjectId, changes }: JsonObject): string[] {
  if (status !== null) return []
  if (action === 'CREATE') return [`PUT ${USERS}`]
  if (action === 'DELETE') return [`DELETE ${USERS}/${String(targetObjectId)}`]
  return action === 'UPDATE' && (changes as unknown[]).length > 0 ? [`PATCH ${USERS}/${String(targetObjectId)}`] : []
}

describe('random sources, targets and faults', function () {
  this.timeout(3_600_000)

  it('no target with a live, ambiguous or unassessed source is deleted; a plan is carried out exactly', async () => {
    const stage = await fakeStage()
    let count = 0
    const law = fc.asyncProperty(stages, fc.boolean(), async (plan, isApproved) => {
      count += 1
      await check(stage, `m${count}`, plan, isApproved)
    })
    await fc.assert(law, { numRuns: CASES, ...SEED })
  })
})
