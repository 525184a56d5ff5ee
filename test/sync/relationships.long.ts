/** Many users with three roles each: `RELATIONSHIP_USERS=50000` runs as many of them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { JsonObject } from '../../lib/contract.ts'
import { fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { type GatewayProcess, startGatewayProcess } from '../helpers/gateway-process.ts'
import { until } from '../helpers/until.ts'
import { instanceOf } from './gateways.ts'

const USERS = Number(process.env.RELATIONSHIP_USERS ?? 2000)
const ROLES = 100
const MAX_MEGABYTES = 400

const copied = (...names: string[]): JsonObject[] => names.map((name) => ({ source: name, target: name }))
const mapping = (type: string, name: string, properties: readonly JsonObject[]): JsonObject => ({
  name: `${type}s`,
  source: `external/idm/one/managed/${type}`,
  target: `external/idm/two/managed/${type}`,
  properties: [...properties],
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: [name] } },
})
const MAPPINGS = [
  mapping('role', 'name', copied('name')),
  mapping('user', 'userName', [
    ...copied('userName', 'sn'),
    { source: 'roles', target: 'roles', relationship: { mapping: 'roles' } },
  ]),
]

describe(`${USERS} users with three roles each`, function () {
  this.timeout(3_600_000)

  it('take a request each, memory stays bounded, and a second run writes nothing', async () => {
    const [one, two] = [await fakeIdm(), await fakeIdm()]
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
    one.seed(
      'managed/role',
      numbers(ROLES).map((n) => ({ _id: `r${n}`, name: `role ${n}` })),
    )
    const role = (n: number) => ({ _ref: `managed/role/r${n % ROLES}` })
    for (const n of numbers(USERS))
      one.seed('managed/user', [
        { _id: `u${n}`, userName: `user${n}`, sn: `Name ${n}`, roles: [role(n), role(n + 1), role(n + 50)] },
      ])
    const gateway = await startGatewayProcess({
      'external.idm-one.json': instanceOf(one),
      'external.idm-two.json': instanceOf(two),
      'sync.json': { mappings: MAPPINGS },
    })
    const requests = async (name: string) => {
      for (const idm of [one, two]) idm.clearRequests()
      await recon(gateway, name)
      return { reads: one.requests.length + two.requests.length - two.writes.length, writes: two.writes.length }
    }
    await requests('roles')
    const first = await requests('users')
    const second = await requests('users')
    const megabytes = peakMegabytes(gateway.process.child.pid)
    console.log(`      ${JSON.stringify({ first, second, megabytes })}`)
    const pages = Math.ceil(USERS / 1000) + 1
    assert.equal(first.writes, USERS)
    assert.ok(first.reads <= pages + 2, `${first.reads}`)
    assert.equal(second.writes, 0)
    assert.ok(second.reads <= 2 * pages + 2, `${second.reads}`)
    assert.ok(two.ids('managed/user').every((id) => two.refs('managed/user', id, 'roles').length === 3))
    assert.ok(megabytes < MAX_MEGABYTES, `${megabytes}`)
  })
})

async function recon({ call }: GatewayProcess, mapping: string): Promise<void> {
  const { json } = await call(`recon?_action=recon&mapping=${mapping}`, { method: 'POST' })
  const read = async () => (await call(`recon/${String((json as JsonObject)._id)}`)).json as JsonObject
  await until(async () => (await read()).state !== 'ACTIVE', 'the run has ended', { timeoutMs: 3_000_000 })
  const run = await read()
  assert.equal(run.state, 'SUCCESS', JSON.stringify(run))
  assert.equal((run.statusSummary as JsonObject).FAILURE, 0, JSON.stringify(run))
}

/** Linux only. */
function peakMegabytes(pid: number | undefined): number {
  const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kilobytes) / 1024)
}
