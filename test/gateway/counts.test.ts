import assert from 'node:assert/strict'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway } from './parts.ts'

describe('requests that vendor tools make', () => {
  it('a count without the objects', async () => {
    const { call, gateway } = await startGateway({
      plugins: [packageRoot],
      conf: {
        'sync.json': { mappings: [] },
        'endpoint-list.json': { type: 'text/javascript', source: '[{ _id: "1" }, { _id: "2" }]' },
      },
    })
    for (const name of ['a', 'b', 'c']) await gateway.connection.create('managed/role', name, { name })
    const count = async (path: string) => (await call(`/${path}&_countOnly=true`)).json
    assert.deepEqual(await count('managed/role?_queryFilter=true'), { resultCount: 3 })
    assert.deepEqual(await count('managed/role?_queryFilter=name+eq+"a"&_pageSize=1'), { resultCount: 1 })
    assert.deepEqual(await count('config?_queryFilter=true'), { resultCount: 2 })
    assert.deepEqual(await count('endpoint/list?_queryFilter=true'), { resultCount: 2 })
    assert.equal((await call('/managed/role?_queryFilter=true&_countOnly=x')).status, 400)
    const whole = (await call('/managed/role?_queryFilter=true&_countOnly=false')).json as { result: unknown[] }
    assert.equal(whole.result.length, 3)
    const params = { _queryFilter: 'true', _countOnly: true }
    const { resultCount, result } = await gateway.connection.query('managed/role', params)
    assert.deepEqual([resultCount, result], [3, []])
  })

  it('the relationships of an object: it has none', async () => {
    const { call, gateway } = await startGateway()
    const user = { userName: 'a', givenName: 'a', sn: 'a', mail: 'a@example.com' }
    await gateway.connection.create('managed/user', 'a', user)
    const { status, json } = await call('/managed/user/a/roles?_queryFilter=true')
    assert.deepEqual([status, (json as { result: unknown }).result], [200, []])
    for (const path of ['b/roles', 'a/manager', 'a/nothing']) {
      assert.equal((await call(`/managed/user/${path}?_queryFilter=true`)).status, 404, path)
    }
  })

  it('the list of instances says how it is read', async () => {
    const { gateway } = await startGateway({ plugins: [packageRoot] })
    await assert.rejects(gateway.connection.read('external/idm'), {
      code: 400,
      message: /query it with _queryFilter=true/,
    })
  })

  it('a read of a collection says what there is to read', async () => {
    const { call } = await startGateway()
    const read = async (path: string) => {
      const { status, json } = await call(path)
      return [status, (json as { message: string }).message]
    }
    assert.deepEqual(await read('/sync'), [404, "Resource 'sync' not found"])
    const [status, message] = await read('/audit/recon')
    assert.equal(status, 400)
    assert.match(String(message), /is queried/)
  })
})
