import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { startGateway, type TestGateway } from '../../gateway/parts.ts'
import { type FakeIdm, type FakeIdmOptions, fakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import { startSyncGateway } from '../gateways.ts'
import { type Between, checkUndo, mappingOf, type Side, type World, worlds } from './undo-world.ts'

const RUNS = Number(process.env.UNDO_RUNS ?? 25)
/** Pairs of the run between real gateways; 2,000 by hand: UNDO_PAIRS=2000. */
const PAIRS = Number(process.env.UNDO_PAIRS ?? 60)
const USERS = 'managed/user'

const START = mappingOf({ policies: {}, taskThreads: 1 })

describe('an undo gives back what was before, but for what its plan names', function () {
  this.timeout(120_000 + RUNS * 10_000 + PAIRS * 500)

  for (const [what, options] of [
    ['with revisions', {}],
    ['without revisions, and with ids of its own', { revisions: 'none', clientIds: 403 }],
  ] as const satisfies [string, FakeIdmOptions][])
    it(`at a target ${what}`, async () => {
      const [one, two] = [await fakeIdm(), await fakeIdm(options)]
      const gateway = await startSyncGateway({ one, two }, [START])
      await fc.assert(
        fc.asyncProperty(worlds(6), (world) => check(world, sideOf(one), sideOf(two), gateway)),
        { numRuns: RUNS },
      )
    })

  it('between two gateways', async () => {
    const [one, two] = [await realGateway(), await realGateway()]
    const gateway = await startSyncGateway({ one, two }, [START])
    const [world] = fc.sample(worlds(PAIRS, PAIRS), { numRuns: 1 })
    assert.ok(world)
    const policies = { ...world.policies, ABSENT: 'CREATE', FOUND: 'UPDATE', UNASSIGNED: 'DELETE' }
    await check({ ...world, policies, deletesCreated: true }, one.side, two.side, gateway)
  })
})

const check = (world: World, one: Side, two: Side, gateway: TestGateway) => checkUndo(world, one, two, between(gateway))

const sideOf = (idm: FakeIdm): Side => ({
  all: async () => idm.objects(USERS),
  put: async (object) => idm.seed(USERS, [object]),
  change: async (id, fields) => idm.change(USERS, id, fields),
  remove: async (id) => idm.delete(USERS, id),
})

async function realGateway() {
  const managed = { objects: [{ name: 'user', schema: { type: 'object', properties: {} } }] }
  const { url, call } = await startGateway({ conf: { 'managed.json': managed } })
  const ok = async (path: string, options: Parameters<typeof call>[1] = {}) => {
    const { status, text, json } = await call(path, options)
    assert.ok(status < 300, `${path}: ${status} ${text}`)
    return json as JsonObject
  }
  const side: Side = {
    all: async () => (await ok(`/${USERS}?_queryFilter=true`)).result as JsonObject[],
    put: async ({ _id, ...json }) => void (await ok(`/${USERS}/${String(_id)}`, { method: 'PUT', json: given(json) })),
    change: async (id, fields) => {
      const json = Object.entries(fields).map(([field, value]) =>
        value === null ? { operation: 'remove', field } : { operation: 'replace', field, value },
      )
      await ok(`/${USERS}/${id}`, { method: 'PATCH', json: json as Json as never })
    },
    remove: async (id) => void (await ok(`/${USERS}/${id}`, { method: 'DELETE' })),
  }
  return { url: `${url}/`, side }
}

const given = (object: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))

function between(gateway: TestGateway): Between {
  const ask = async (path: string, method?: string, json?: JsonObject) => {
    const answer = await gateway.call(path, { ...(method && { method }), ...(json && { json }) })
    assert.equal(answer.status, 200, answer.text)
    return answer.json as JsonObject
  }
  const start = async (path: string, json?: JsonObject) => {
    const { _id } = await ask(`${path}&waitForCompletion=true`, 'POST', json)
    return ask(`/recon/${String(_id)}`)
  }
  const rows = async (run: JsonObject, filter = 'true') =>
    (await ask(`/recon/plan/${String(run._id)}/entry?_queryFilter=${encodeURIComponent(filter)}`))
      .result as JsonObject[]
  return {
    configure: async (mapping) => void (await ask('/config/sync', 'PUT', { mappings: [mapping] })),
    recon: () => start('/recon?_action=recon&mapping=m&persistAssociations=true'),
    created: async (run) => (await rows(run, 'action eq "CREATE" and status eq "SUCCESS"')).length,
    async undo({ _id }, deleteCreated) {
      const body = deleteCreated === undefined ? undefined : { deleteCreated }
      const plan = await start(`/recon/${String(_id)}?_action=undo`, body)
      assert.equal(plan.state, 'SUCCESS', String(plan.stageDescription))
      const planned = await rows(plan)
      return { plan: planned, run: await start(`/recon/${String(plan._id)}?_action=execute`) }
    },
    async links() {
      const { result } = await ask('/repo/link?_queryFilter=true')
      return (result as JsonObject[]).map(({ firstId, secondId }) => ({
        source: String(firstId),
        target: String(secondId),
      }))
    },
  }
}
