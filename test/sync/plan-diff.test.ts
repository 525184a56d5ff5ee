import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { MAPPING, USERS } from './fake-stage.ts'
import { type PlanStage, planStage, user, users } from './plan-stage.ts'

const DELETE_ORPHANS = { policies: [{ situation: 'UNASSIGNED', action: 'DELETE' }], maxDeletes: '100%' }

const queried = (stage: PlanStage, path: string, more = '') => stage.get(`${path}?_queryFilter=true${more}`)

/** `CHANGE ID ACTION → ACTION` for each difference. */
const told = ({ result }: JsonObject): string[] =>
  (result as { change: string; entry: JsonObject | null; other: JsonObject | null }[]).map(
    ({ change, entry, other }) => {
      const { sourceObjectId, targetObjectId } = entry ?? other ?? {}
      return `${change} ${String(sourceObjectId ?? targetObjectId)} ${String(entry?.action)} ${String(other?.action)}`
    },
  )

describe('two plans of a mapping', () => {
  async function compared(): Promise<{ stage: PlanStage; diff: string; other: string; plan: string }> {
    const stage = await planStage({ mapping: DELETE_ORPHANS })
    stage.one.seed(USERS, users(4))
    stage.two.seed(USERS, [user('orphan'), user('u0003', { sn: 'old' })])
    const other = await stage.analyze()
    stage.one.delete(USERS, 'u0000')
    stage.one.seed(USERS, [user('late')])
    stage.one.change(USERS, 'u0001', { sn: 'other' })
    stage.two.seed(USERS, [user('u0002')])
    stage.two.delete(USERS, 'orphan')
    const plan = await stage.analyze()
    return { stage, diff: `/recon/plan/${plan}/diff/${other}`, other, plan }
  }

  it('differ in what was added, removed and changed', async () => {
    const { stage, diff } = await compared()
    const answer = await queried(stage, diff)
    assert.deepEqual(told(answer), [
      'changed u0001 CREATE CREATE',
      'changed u0002 UPDATE CREATE',
      'added late CREATE undefined',
      'removed u0000 undefined CREATE',
      'removed orphan undefined DELETE',
    ])
    const [first] = answer.result as { entry: JsonObject; other: JsonObject }[]
    const sn = (entry: JsonObject | undefined) =>
      ((entry?.changes ?? []) as JsonObject[]).find(({ field }) => field === '/sn')?.to
    assert.deepEqual([sn(first?.entry), sn(first?.other)], ['other', 'u0001'])
  })

  it('are compared page by page, and in both directions', async () => {
    const { stage, diff, plan, other } = await compared()
    const pages: string[][] = []
    for (let cookie: string | null = ''; cookie !== null; ) {
      const more = cookie === '' ? '' : `&_pagedResultsCookie=${encodeURIComponent(cookie)}`
      const answer = await queried(stage, diff, `&_pageSize=2${more}`)
      pages.push(told(answer))
      cookie = answer.pagedResultsCookie as string | null
    }
    assert.deepEqual(
      pages.map((page) => page.length),
      [2, 2, 1],
    )
    assert.deepEqual(pages.flat(), told(await queried(stage, diff)))
    const { result } = await stage.get(
      `/recon/plan/${other}/diff/${plan}?_queryFilter=${encodeURIComponent('change eq "added" and entry/action eq "DELETE"')}`,
    )
    assert.equal((result as JsonObject[]).length, 1)
    assert.deepEqual(told(await queried(stage, `/recon/plan/${plan}/diff/${plan}`)), [])
  })

  it('are those of one mapping, and stay comparable when a part was carried out', async () => {
    const { stage, diff, plan } = await compared()
    assert.equal(told(await queried(stage, diff)).length, 5)
    await stage.execute(plan, { only: 'creates', limit: 1 })
    assert.deepEqual(told(await queried(stage, diff)), [
      'changed u0002 UPDATE CREATE',
      'added late CREATE undefined',
      'removed u0000 undefined CREATE',
      'removed u0001 undefined CREATE',
      'removed orphan undefined DELETE',
    ])
    await stage.configure([
      { ...MAPPING, ...DELETE_ORPHANS },
      { ...MAPPING, name: 'n' },
    ])
    const foreign = await stage.recon('&analyze=true', undefined, 'n')
    const refused = await stage.gateway.call(`/recon/plan/${plan}/diff/${String(foreign._id)}?_queryFilter=true`)
    assert.deepEqual([refused.status, /cannot be compared/.test(refused.text)], [400, true])
    assert.equal((await stage.gateway.call(`/recon/plan/${plan}/diff/nowhere?_queryFilter=true`)).status, 404)
    assert.equal((await stage.gateway.call(`/recon/plan/${plan}/diff?_queryFilter=true`)).status, 404)
  })

  it('take only a cookie that they have given, as entries and audit/recon do', async () => {
    const { stage, diff, plan } = await compared()
    for (const path of [diff, `/recon/plan/${plan}/entry`, `/recon/assoc/${plan}/entry`, '/audit/recon'])
      for (const cookie of ['x', '-1', '1.5', '1e400', 'NaN', '1/', '0/1/1']) {
        const more = `_queryFilter=true&_pageSize=1&_pagedResultsCookie=${encodeURIComponent(cookie)}`
        const { status, text } = await stage.gateway.call(`${path}?${more}`)
        assert.equal(status, 400, `${path} ${cookie}: ${text.slice(0, 100)}`)
      }
  })

  it('have entries that are found by the fields that they change', async () => {
    const { stage, plan } = await compared()
    const found = async (filter: string) => {
      const { result } = await stage.get(`/recon/plan/${plan}/entry?_queryFilter=${encodeURIComponent(filter)}`)
      return (result as JsonObject[]).map(({ sourceObjectId }) => sourceObjectId)
    }
    assert.deepEqual(await found('changes[/field eq "/sn"] and action eq "UPDATE" and !(status pr)'), ['u0003'])
    assert.deepEqual(await found('changes/field eq "/mail"'), [])
    assert.deepEqual(await found('changes/field eq "/sn" and action eq "UPDATE" and !(status pr)'), ['u0003'])
  })
})
