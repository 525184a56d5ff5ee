import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { startGateway } from '../../gateway/parts.ts'

const properties = ['userName', 'sn', 'mail'].map((name) => ({ source: name, target: name }))
const CORRELATION = { correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } } }
const POLICIES = { policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }] }

/** Two managed types that follow each other as their objects are written. */
async function start(more: JsonObject) {
  const mappings = [
    { name: 'ab', source: 'managed/user', target: 'managed/account', properties, ...more },
    { name: 'ba', source: 'managed/account', target: 'managed/user', links: 'ab', properties, ...more },
  ]
  const objects = [{ name: 'user' }, { name: 'account' }]
  const { call } = await startGateway({ conf: { 'managed.json': { objects }, 'sync.json': { mappings } } })
  const all = async (path: string) =>
    ((await call(`/${path}?_queryFilter=true`)).json as { result: JsonObject[] }).result
  const set = async (path: string, sn: string) => {
    const answer = await call(path, { method: 'PATCH', json: [{ operation: 'replace', field: 'sn', value: sn }] })
    assert.equal(answer.status, 200, answer.text)
  }
  const surnames = async () =>
    [await all('managed/user'), await all('managed/account')].map((found) => found.map(({ sn }) => sn))
  return { call, all, set, surnames }
}

describe('two types that follow each other by implicit synchronization', () => {
  for (const [what, more] of [
    ['with correlation', CORRELATION],
    ['without', {}],
  ] as const)
    it(`have one counterpart for each object, and the last change of either side, ${what}`, async () => {
      const { call, all, set, surnames } = await start({ ...more, ...POLICIES })
      const json = { userName: 'u', sn: 'Old', mail: 'm' }
      assert.equal((await call('/managed/user/u', { method: 'PUT', json })).status, 201)
      const [account] = await all('managed/account')
      assert.deepEqual([await surnames(), (await all('repo/link')).length], [[['Old'], ['Old']], 1])
      await set('/managed/user/u', 'New')
      assert.deepEqual(await surnames(), [['New'], ['New']])
      await set(`/managed/account/${String(account?._id)}`, 'Newer')
      assert.deepEqual(await surnames(), [['Newer'], ['Newer']])
      assert.equal((await call('/managed/user/u', { method: 'DELETE' })).status, 200)
      assert.deepEqual([await surnames(), await all('repo/link')], [[[], []], []])
    })
})
