import assert from 'node:assert/strict'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway } from '../gateway/parts.ts'
import { errorAnswer, fakeIdm, respond } from '../helpers/fake-idm/fake-idm.ts'
import { startSdk } from '../helpers/tracing.ts'
import { basicOf } from '../proxy/mounted.ts'

const MAPPING = {
  name: 'people',
  source: 'managed/user',
  target: 'external/idm/eu/managed/user',
  enableSync: false,
  properties: [{ source: 'userName', target: 'userName' }],
  policies: [{ situation: 'ABSENT', action: 'CREATE' }],
}

describe('spans of reconciliations', () => {
  it('hold their rows, which hold the requests to the remote', async () => {
    const remote = await fakeIdm()
    const isOfBo = ({ method, text }: { method: string; text: string }) =>
      method !== 'GET' && text.includes('secret-bo')
    remote.intercept(isOfBo, respond(errorAnswer(400, 'refused')))
    const { call } = await startGateway({
      plugins: [packageRoot],
      conf: { 'external.idm-eu.json': basicOf(remote.remote), 'sync.json': { mappings: [MAPPING] } },
    })
    for (const userName of ['secret-ada', 'secret-bo'])
      await call('/managed/user', { method: 'POST', json: { userName, sn: 'x', givenName: 'y', mail: 'a@b.c' } })
    const spans = startSdk()
    const path = '/recon?_action=recon&mapping=people&waitForCompletion=true'
    const { _id, state } = (await call(path, { method: 'POST' })).json as { _id: string; state: string }
    assert.equal(state, 'SUCCESS')
    const named = (name: string) => spans().filter((span) => span.name === name)
    const [run, ...others] = named('reconciliation')
    assert.ok(run)
    assert.deepEqual(others, [])
    const { ...attributes } = run.attributes
    assert.deepEqual(attributes, {
      'openidm.mapping': 'people',
      'openidm.recon.id': _id,
      'openidm.recon.analysis': false,
    })
    const rows = named('reconciliation row')
    assert.deepEqual(rows.map((row) => [row.attributes['openidm.action'], row.attributes['error.type']]).sort(), [
      ['CREATE', undefined],
      ['CREATE', 'row'],
    ])
    const runId = run.spanContext().spanId
    assert.ok(rows.every(({ parentSpanContext }) => parentSpanContext?.spanId === runId))
    const creating = new Set(rows.map((row) => row.spanContext().spanId))
    const writes = spans().filter(({ name }) => /^(?:POST|PUT) external\/idm\/eu$/.test(name))
    assert.deepEqual(new Set(writes.map(({ parentSpanContext }) => parentSpanContext?.spanId)), creating)
    assert.ok(named('GET external/idm/eu').length > 0)
    assert.ok(
      !JSON.stringify(spans().map(({ name, attributes: all, events }) => [name, all, events])).includes('secret-'),
    )
  })
})
