import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { startSyncGateway } from './gateways.ts'
import { MANAGED, MAPPING, ROWS, type Row, SOURCE, TARGET } from './perform-action-rows.ts'

describe('sync?_action=performAction, between gateways', () => {
  ownedBySuite()
  let gateway: TestGateway
  let count = 0

  before(async () => {
    const remotes = { eu: await remote(), us: await remote() }
    gateway = await startSyncGateway(remotes, [MAPPING], { 'managed.json': MANAGED })
  })

  const perform = async (query: string): Promise<[number, JsonObject]> => {
    const answer = await gateway.call(`/sync?_action=performAction&mapping=m&${query}`, { method: 'POST' })
    return [answer.status, answer.json as JsonObject]
  }
  const queryOf = (row: Row, id: string, action: string) => {
    const asks = (row.asks ?? 'sourceId=ID').replaceAll('ID', id)
    const named = /sourceId|target=true/.test(asks) ? asks : `sourceId=${id}&${asks}`
    return `action=${action}&${named}`
  }
  const left = async (id: string) => {
    const targets = await gateway.gateway.connection.query(TARGET, { _queryFilter: `name eq "${id}"` })
    const links = await gateway.gateway.connection.query('repo/link', { _queryFilter: `firstId eq "${id}"` })
    return [targets.result.map(({ mail }) => mail).sort(), links.result.length]
  }

  for (const [name, row] of Object.entries(ROWS)) {
    for (const [action, expected] of Object.entries(row.allowed))
      it(`${name}: ${action} is carried out`, async () => {
        const id = await prepared(name)
        const [status, answer] = await perform(queryOf(row, id, action))
        assert.deepEqual([status, answer], [200, { status: 'OK' }])
        assert.deepEqual(await left(id), [expected[0], expected[1]])
      })

    it(`${name}: ${row.refused.join(', ')} are refused, and say why`, async () => {
      const id = await prepared(name)
      const before = await left(id)
      for (const action of row.refused) {
        const [status, { message }] = await perform(queryOf(row, id, action))
        assert.equal(status, 409)
        const allowed = Object.keys(row.allowed).join('.*')
        assert.match(String(message), new RegExp(`^${action} is not possible: the situation is ${row.situation} \\(`))
        for (const one of Object.keys(row.allowed))
          assert.match(String(message), new RegExp(`allows .*${one}`), allowed)
      }
      assert.deepEqual(await left(id), before)
    })
  }

  it('EXCEPTION raises the situation as an error', async () => {
    const id = await prepared('no link, nobody correlates')
    const [status, { message }] = await perform(`action=EXCEPTION&sourceId=${id}`)
    assert.deepEqual([status, message], [409, 'ABSENT: no target belongs to it'])
  })

  it('the situation that the caller names has to be the one that holds now', async () => {
    const id = await prepared('linked, both there')
    const [status, { message }] = await perform(`action=CREATE&situation=ABSENT&sourceId=${id}`)
    assert.equal(status, 409)
    assert.equal(message, 'The situation is CONFIRMED (it is linked to a target, which is there), not ABSENT')
    assert.equal((await perform(`action=UPDATE&situation=CONFIRMED&sourceId=${id}`))[0], 200)
    assert.equal((await perform(`action=UPDATE&situation=CONFIRMT&sourceId=${id}`))[0], 400)
  })

  it('a pair has to be one, and to be there', async () => {
    const id = await prepared('linked, both there')
    await gateway.gateway.connection.create(TARGET, `t-${id}`, { name: 'else' })
    const [status, { message }] = await perform(`action=UPDATE&sourceId=${id}&targetId=t-${id}`)
    assert.deepEqual([status, message], [409, `${SOURCE}: ${id} is linked to ${id}, not to t-${id}`])
    const [other] = await perform(`action=UPDATE&sourceId=${id}&targetId=t-${id}&target=true`)
    assert.equal(other, 409)
    assert.equal((await perform('action=CREATE&sourceId=nobody'))[0], 404)
    assert.equal((await perform('action=DELETE&targetId=nobody&target=true'))[0], 404)
    assert.equal((await perform('action=DELETE'))[0], 400)
    assert.equal((await perform('sourceId=x'))[0], 400)
  })

  async function prepared(name: string): Promise<string> {
    const { connection } = gateway.gateway
    const id = `p${++count}`
    const source = (content: JsonObject = {}) => {
      const { _id = id, ...rest } = content
      return connection.create(SOURCE, String(_id), { name: id, mail: 'new', ...rest }).then(() => undefined)
    }
    const target = (key: string, content: JsonObject = {}) =>
      connection.create(TARGET, key, { name: id, mail: 'old', ...content }).then(() => undefined)
    await ROWS[name]?.prepare({
      id,
      source,
      target,
      linked: async () => {
        await source()
        await target(id)
        assert.equal((await perform(`action=LINK&sourceId=${id}`))[0], 200)
      },
      remove: (path) => connection.delete(path, null).then(() => undefined),
      change: (content) => connection.update(`${SOURCE}/${id}`, null, { name: id, ...content }).then(() => undefined),
    })
    return id
  }
})

async function remote() {
  const { url } = await startGateway({ conf: { 'managed.json': MANAGED } })
  return { url: `${url}/` }
}
