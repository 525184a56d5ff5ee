import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { startGateway } from '../gateway/parts.ts'
import { acceptsBasic, basic, startCrestServer } from '../remote/resource-parts.ts'
import { js } from '../script/parts.ts'

const properties = {
  userName: { type: 'string', searchable: true },
  password: { type: 'string', scope: 'private', encryption: { purpose: 'idm.password.encryption' } },
}

describe('a mapping into a local collection with encrypted passwords', () => {
  it('writes a password once, and again when it has changed on either side', async () => {
    const router = new ResourceRouter()
    const users = new MemoryCollection()
    router.add('managed/user', users)
    const remote = await startCrestServer({ accepts: acceptsBasic, handlers: { 'managed/user': users } })
    const mapping = {
      name: 'in',
      source: 'external/idm/eu/managed/user',
      target: 'managed/user',
      properties: ['_id', 'userName', 'password'].map((name) => ({ source: name, target: name })),
      policies: [
        { situation: 'ABSENT', action: 'CREATE' },
        { situation: 'CONFIRMED', action: 'UPDATE' },
      ],
    }
    const { call } = await startGateway({
      plugins: [join(import.meta.dirname, '../..')],
      conf: {
        'managed.json': { objects: [{ name: 'user', schema: { properties } }] },
        'external.idm-eu.json': basic(remote),
        'sync.json': { mappings: [mapping] },
      },
    })
    const remoteSide = connect(router, {})
    await remoteSide.create('managed/user', 'bo', { userName: 'bo', password: 'Passw0rd!' })
    const revisionAfterRun = async () => {
      const run = await call('/recon?_action=recon&mapping=in&waitForCompletion=true', { method: 'POST' })
      assert.equal((run.json as JsonObject).state, 'SUCCESS', run.text)
      return ((await call('/managed/user/bo')).json as JsonObject)._rev
    }
    const clear = js('openidm.decrypt(openidm.read("managed/user/bo").password)')
    const password = async () => (await call('/script?_action=eval', { method: 'POST', json: clear })).json
    const created = await revisionAfterRun()
    const second = await revisionAfterRun()
    assert.equal(second, created, 'nothing has changed')
    await remoteSide.patch('managed/user/bo', null, [{ operation: 'replace', field: '/password', value: 'An0ther!!' }])
    const changed = await revisionAfterRun()
    assert.equal(await password(), 'An0ther!!')
    assert.equal(await revisionAfterRun(), changed)
    const patch = [{ operation: 'replace', field: '/password', value: 'L0cal-one' }]
    await call('/managed/user/bo', { method: 'PATCH', json: patch })
    const restored = await revisionAfterRun()
    assert.equal(await password(), 'An0ther!!')
    assert.equal(await revisionAfterRun(), restored)
  })
})

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
