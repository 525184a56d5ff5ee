import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { defaultAction, SITUATIONS } from '../../lib/sync/situation.ts'
import { blocksOf, readPage } from '../helpers/markdown.ts'
import { startRemoteIdm, startSyncGateway } from '../sync/gateways.ts'

const PAGE = 'docs/synchronization.md'

describe(PAGE, function () {
  this.timeout(60_000)

  it('has a mapping that does between two instances what the text says', async () => {
    const block = blocksOf(PAGE).find(({ claim }) => claim === 'sync')
    const { mappings } = JSON.parse(block?.text ?? '') as { mappings: JsonObject[] }
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    const gateway = await startSyncGateway({ 65: source, fidc: target }, mappings)
    const user = { userName: 'ada', givenName: 'Ada', sn: 'Lovelace', mail: 'ada@example.com' }
    await source.connection.create('managed/user', 'a', { ...user, secret: 'not mapped' })
    await source.connection.create('managed/user', 'b', { ...user, userName: 'bo' })
    const path = `/recon?_action=recon&mapping=${String(mappings[0]?.name)}&waitForCompletion=true`
    const run = async () => (await gateway.call(path, { method: 'POST' })).json as JsonObject
    const found = async () =>
      (await target.connection.query('managed/alpha_user', { _queryFilter: 'true' })).result.map(
        ({ _id, _rev, ...content }) => content,
      )
    assert.equal((await run()).state, 'SUCCESS')
    assert.deepEqual(await found(), [user, { ...user, userName: 'bo' }])
    await source.connection.delete('managed/user/b', null)
    await run()
    assert.deepEqual(await found(), [user])
    assert.ok(!gateway.log.entries.some(({ level, msg }) => level !== 'info' && /sync\.json/.test(String(msg))))
  })

  it('says what each situation means and has done about it', () => {
    const rows = [...readPage(PAGE).matchAll(/^\| ([A-Z_]+) \| [^|]+ \| ([A-Z]+)/gm)]
    const said = Object.fromEntries(rows.map(([, situation = '', action = '']) => [situation, action] as const))
    assert.deepEqual(said, Object.fromEntries(SITUATIONS.map((situation) => [situation, defaultAction(situation)])))
  })
})
