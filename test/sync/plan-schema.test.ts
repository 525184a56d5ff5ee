import type { JsonObject } from '../../lib/contract.ts'
import {
  planDifferenceSchema,
  planEntrySchema,
  planSchema,
  verificationSchema,
} from '../../lib/sync/rest/plan-schema.ts'
import { USERS } from './fake-stage.ts'
import { planStage, user, users } from './plan-stage.ts'

describe('the schema of plans', () => {
  it('is what the service answers', async () => {
    const onCreate = { type: 'text/javascript', source: 'target.sn = target.sn + "!"' }
    const postAction = { type: 'text/javascript', source: '1' }
    const condition = { type: 'text/javascript', source: 'openidm.create("managed/role", null, { name: "x" }); true' }
    const policies = [{ situation: 'ABSENT', action: 'CREATE', condition, postAction }]
    const stage = await planStage({ mapping: { onCreate, policies, planValidFor: 'unlimited' } })
    stage.one.seed(USERS, users(3))
    const other = await stage.analyze()
    stage.one.seed(USERS, [user('late'), user('twice')])
    stage.two.seed(USERS, [
      user('t1', { userName: 'twice' }),
      user('t2', { userName: 'twice' }),
      user('u0001', { sn: 'x' }),
    ])
    const plan = await stage.analyze()
    const results = async (path: string, schema: { parse(value: unknown): unknown }) => {
      const { result } = await stage.get(`/recon/plan/${plan}/${path}?_queryFilter=true`)
      for (const entry of result as JsonObject[]) schema.parse(entry)
    }
    planSchema.parse(await stage.plan(plan))
    await results('entry', planEntrySchema)
    await results(`diff/${other}`, planDifferenceSchema)
    await stage.post(`/recon/${plan}?_action=approve`, undefined, 'operator')
    const run = await stage.execute(plan, { only: 'creates', limit: 1, allowApproximate: true })
    planSchema.parse(await stage.plan(plan))
    planSchema.parse(await stage.plan(String(run._id)))
    const { json } = await stage.post('/recon?_action=verify&mapping=m&waitForCompletion=true')
    verificationSchema.parse((await stage.get(`/recon/${String(json._id)}`)).verification)
  })
})
