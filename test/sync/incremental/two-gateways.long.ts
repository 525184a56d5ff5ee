import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { startGateway } from '../../gateway/parts.ts'
import { MAPPING, SOURCE, TARGET, USERS } from '../fake-stage.ts'
import { startSyncGateway } from '../gateways.ts'
import { notesOf } from './incremental-stage.ts'

/** A remote that writes itself when its users were last changed. */
const STAMPS = {
  objects: [
    {
      name: 'user',
      ...Object.fromEntries(
        ['onCreate', 'onUpdate'].map((hook) => {
          const object = hook === 'onCreate' ? 'object' : 'newObject'
          return [hook, { type: 'text/javascript', source: `${object}.lastModified = new Date().toISOString()` }]
        }),
      ),
      schema: { properties: { userName: { type: 'string' }, lastModified: { type: 'string', searchable: true } } },
    },
  ],
}

describe('runs over what changed between gateways, and from one of our own', function () {
  this.timeout(60_000)

  it('find what was written since, and nothing else', async () => {
    const one = await startGateway({ conf: { 'managed.json': STAMPS } })
    const two = await startGateway({ conf: { 'managed.json': STAMPS } })
    const own = await startSyncGateway(
      { one: { url: `${one.url}/` }, two: { url: `${two.url}/` } },
      [
        { ...MAPPING, incremental: { changedField: 'lastModified', overlap: 'zero' } },
        {
          ...MAPPING,
          name: 'here',
          // Only the runs carry over.
          enableSync: false,
          source: USERS,
          target: TARGET,
          incremental: { changedField: 'lastModified', overlap: 'zero' },
        },
      ],
      { 'managed.json': STAMPS },
    )
    for (const [name, { connection }] of Object.entries({ m: one.gateway, here: own.gateway })) {
      const run = async (parameters = '') => {
        const path = `/recon?_action=recon&mapping=${name}&waitForCompletion=true&persistAssociations=true${parameters}`
        const { json, text, status } = await own.call(path, { method: 'POST' })
        assert.equal(status, 200, text)
        return (await own.call(`/recon/${String((json as JsonObject)._id)}`)).json as JsonObject
      }
      const user = (id: string) => ({ userName: `${name}-${id}`, sn: 'x', givenName: 'x', mail: 'x@example.com' })
      for (const id of ['a', 'b', 'c']) await connection.create(USERS, id, user(id))
      // The Date of an answer has no fraction of a second.
      await new Promise((done) => setTimeout(done, 2100))
      const full = await run()
      assert.equal(full.state, 'SUCCESS', String(full.stageDescription))
      await connection.update(`${USERS}/b`, null, { ...user('b'), sn: 'y' })
      await connection.create(USERS, 'd', user('d'))
      const changed = await run('&changed=true')
      const { result } = (await own.call(`/recon/plan/${String(changed._id)}/entry?_queryFilter=true`)).json as {
        result: JsonObject[]
      }
      const rows = result.map((row) => `${String(row.sourceObjectId)} ${String(row.action)} ${String(row.status)}`)
      assert.deepEqual(
        rows.sort(),
        ['b UPDATE SUCCESS', 'd CREATE SUCCESS'],
        `${SOURCE} ${JSON.stringify(notesOf(changed))}`,
      )
    }
  })
})
