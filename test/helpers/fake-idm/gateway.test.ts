import assert from 'node:assert/strict'
import { startSyncGateway } from '../../sync/gateways.ts'
import { busy, fakeIdm } from './fake-idm.ts'

describe('fake IDM: as instances of a gateway', () => {
  it('serves a reconciliation and a proxied read, and is waited for when busy', async () => {
    const source = await fakeIdm()
    const target = await fakeIdm({ like: 'pingidm' })
    source.seed('managed/user', [{ _id: 's1', userName: 'amira' }])
    const refusal = target.intercept(({ isWrite }) => isWrite, busy(503, 1), { times: 1 })
    const mapping = {
      name: 'm',
      source: 'external/idm/source/managed/user',
      target: 'external/idm/target/managed/user',
      properties: [{ source: 'userName', target: 'userName' }],
    }
    const { call } = await startSyncGateway({ source, target }, [mapping])
    const run = await call('/recon?_action=recon&mapping=m&waitForCompletion=true', { method: 'POST' })
    assert.equal((run.json as { state: string }).state, 'SUCCESS', run.text)
    assert.deepEqual(
      target.objects('managed/user').map(({ userName }) => userName),
      ['amira'],
    )
    assert.equal(refusal.hits, 1)
    assert.deepEqual(source.writes, [])
    const read = await call('/external/idm/source/managed/user/s1?_fields=userName')
    assert.deepEqual(read.json, { _id: 's1', _rev: '1', userName: 'amira' })
  })
})
