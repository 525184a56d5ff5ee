import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { js, type LiveStage, startLive } from './live-stage.ts'

const [A, B] = ['managed/person', 'managed/account']
const GROWING: JsonObject[] = [
  { source: 'userName', target: 'userName' },
  { source: 'sn', target: 'sn', transform: js('source + "x"') },
]
const correlationQuery = { linkQualifier: 'default', expressionTree: { any: ['userName'] } }
/** With links of their own: mappings that share them agree on what both sides have. */
const ring = (more: JsonObject = {}): JsonObject[] => [
  { name: 'there', source: A, target: B, properties: GROWING, correlationQuery, ...more },
  { name: 'back', source: B, target: A, properties: GROWING, correlationQuery, ...more },
]
const QUEUED = { queuedSync: { enabled: true, retryDelay: 20, maxRetries: 1 } }

describe('managed types whose mappings lead to each other and never agree', function () {
  this.timeout(120_000)
  ownedBySuite()
  let stage: LiveStage
  before(async () => {
    stage = await startLive([])
  })
  const faults = async (): Promise<string[]> =>
    (await stage.audited(1)).map(({ message }) => String(message)).filter((one) => one.includes(' goes round: '))
  const failures = async (): Promise<JsonObject[]> => {
    const query = '/repo/synchronisation/deadLetterQueue'
    const letters = await Promise.all(
      ['there', 'back'].map((name) => stage.gateway.call(`${query}/${name}?_queryFilter=true`)),
    )
    // The test before left a target that was linked meanwhile: the queue looks at it again.
    return letters
      .flatMap(({ json }) => (json as { result: JsonObject[] }).result)
      .filter(({ failureCause }) => !String((failureCause as JsonObject).message).includes('there/a'))
  }
  const put = (id: string, sn: string) =>
    stage.gateway.call(`/${A}/${id}`, { method: 'PUT', json: { userName: id, sn } })

  it('end within the request, and the failure names the hops', async () => {
    await stage.configure(ring())
    assert.equal((await put('a', '')).status, 201)
    assert.equal((await put('a', 'y')).status, 200)
    const { result } = await stage.connection.query(B, { _queryFilter: 'userName eq "a"' })
    const id = String(result[0]?._id)
    await until(async () => (await faults()).length > 0, 'a failure is audited')
    const [fault = ''] = await faults()
    assert.match(fault, /^Implicit synchronization goes round: /)
    assert.ok(fault.includes(`there/a -> back/${id} -> there/a -> back/${id}`), fault)
  })

  it('end in the queue, as a dead letter that names the hops, and nothing else is kept back', async () => {
    await stage.configure(ring(QUEUED))
    await put('b', '')
    await until(async () => (await failures()).length > 0, 'a dead letter is there', { timeoutMs: 60_000 })
    const letters = await failures()
    const messages = letters.map(({ failureCause }) => String((failureCause as JsonObject).message))
    for (const message of messages) assert.match(message, /^Implicit synchronization goes round: .* -> there\/b/)
    await put('c', 'other')
    const { connection } = stage
    await until(async () => (await connection.query(B, { _queryFilter: 'userName eq "c"' })).result.length === 1)
    await until(async () => {
      const { json } = await stage.gateway.call('/sync/queue?_queryFilter=true')
      return (json as { result: JsonObject[] }).result.length === 0
    }, 'nothing waits')
    for (const name of ['b', 'c'])
      for (const type of [A, B])
        assert.equal((await connection.query(type ?? '', { _queryFilter: `userName eq "${name}"` })).result.length, 1)
  })
})
