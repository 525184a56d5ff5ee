import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { MemoryCollection } from '../../lib/crest/collection.ts'
import { connect } from '../../lib/crest/connection.ts'
import { ResourceRouter } from '../../lib/crest/router.ts'
import { startGateway } from '../gateway/parts.ts'
import { acceptsBasic, basic, startCrestServer } from '../remote/resource-parts.ts'
import { js } from '../script/parts.ts'

const properties = {
  userName: { type: 'string', searchable: true },
  password: { type: 'string', scope: 'private', encryption: { purpose: 'idm.password.encryption' } },
}

describe('a mapping from a local collection with encrypted passwords', () => {
  it('sends the clear one when it decrypts it', async () => {
    const users = new MemoryCollection()
    const remote = await startCrestServer({ accepts: acceptsBasic, handlers: { 'managed/user': users } })
    const mapping = {
      name: 'out',
      source: 'managed/user',
      target: 'external/idm/eu/managed/user',
      properties: [
        { source: '_id', target: '_id' },
        { source: 'userName', target: 'userName' },
        { source: 'password', target: 'password', transform: js('openidm.decrypt(source)') },
      ],
      policies: [{ situation: 'ABSENT', action: 'CREATE' }],
    }
    const { call } = await startGateway({
      plugins: [join(import.meta.dirname, '../..')],
      conf: {
        'managed.json': { objects: [{ name: 'user', schema: { properties } }] },
        'external.idm-eu.json': basic(remote),
        'sync.json': { mappings: [mapping] },
      },
    })
    await call('/managed/user/bo', { method: 'PUT', json: { userName: 'bo', password: 'Passw0rd!' } })
    const run = await call('/recon?_action=recon&mapping=out&waitForCompletion=true', { method: 'POST' })
    assert.equal((run.json as JsonObject).state, 'SUCCESS', run.text)
    const router = new ResourceRouter()
    router.add('managed/user', users)
    assert.equal((await connect(router, {}).read('managed/user/bo'))?.password, 'Passw0rd!')
  })
})
