import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { type RemoteIdm, startRemoteIdm, startSyncGateway } from './gateways.ts'

const SEED = 'external/idm/65/managed/user'
const FIDC = 'external/idm/fidc/managed/alpha_user'

const MAPPING: JsonObject = {
  name: 'm',
  source: SEED,
  target: FIDC,
  properties: [
    { source: 'userName', target: 'userName' },
    { source: 'mail', target: 'mail' },
  ],
  correlationQuery: [
    {
      linkQualifier: 'default',
      expressionTree: { any: ['userName'] },
      type: 'text/javascript',
      file: 'ui/correlateTreeToQueryFilter.js',
    },
  ],
}

describe('reconciliation over HTTP between gateways', function () {
  this.timeout(30_000)

  it('moves objects of one remote to another, and asks each of them as little as possible', async () => {
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    const gateway = await startSyncGateway({ 65: source, fidc: target }, [MAPPING])
    await fill(source, 2500)
    await run(gateway)
    assert.equal(target.requests.filter((request) => request.startsWith('POST')).length, 2500)
    source.requests.length = 0
    target.requests.length = 0
    const second = await run(gateway)
    assert.deepEqual(second.statusSummary, { SUCCESS: 2500, FAILURE: 0 })
    assert.equal(source.requests.length + target.requests.length, 6)
  })
})

async function fill({ connection }: RemoteIdm, count: number): Promise<void> {
  for (let index = 0; index < count; index++)
    await connection.create('managed/user', `u${index}`, { userName: `user.${index}`, mail: `${index}@example.com` })
}

async function run({ call }: TestGateway, query = ''): Promise<JsonObject> {
  const started = await call(`/recon?_action=recon&mapping=m&waitForCompletion=true${query}`, { method: 'POST' })
  assert.equal(started.status, 200, started.text)
  const { _id } = started.json as JsonObject
  return (await call(`/recon/${String(_id)}`)).json as JsonObject
}
