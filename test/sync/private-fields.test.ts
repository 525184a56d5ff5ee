import assert from 'node:assert/strict'
import type { ConfigurationConsumer, ConfigurationService, JsonObject } from '../../lib/contract.ts'
import { silentLog } from '../../lib/core/silent-log.ts'
import { PrivateFields } from '../../lib/sync/mapping/private-fields.ts'

/** Hands `content` over as `managed.json`, now and whenever it changes. */
function managedJson() {
  let consumer: ConfigurationConsumer | undefined
  const configuration: ConfigurationService = {
    subscribe: async (given) => {
      consumer = given
      await consumer.apply([])
      return { dispose: () => undefined }
    },
  } as ConfigurationService
  const write = async (properties: JsonObject) => {
    const content = { objects: [{ name: 'user', schema: { properties } }] }
    await consumer?.apply([{ id: 'managed', alias: null, file: 'managed.json', content }])
  }
  return { configuration, write }
}

describe('how the properties of managed objects are stored', () => {
  it('is what the schema says', async () => {
    const { configuration, write } = managedJson()
    const fields = new PrivateFields(silentLog)
    await fields.follow(configuration)
    await write({
      hash: { secureHash: {} },
      both: { secureHash: {}, encryption: {} },
      protected: { isProtected: true },
      secret: { encryption: {}, isProtected: true },
      private: { scope: 'private' },
    })
    const of = (name: string, collection = 'managed/user') => fields.protectionOf(collection, [name])
    assert.deepEqual(
      ['hash', 'both', 'protected'].map((name) => of(name)),
      ['hashed', 'hashed', 'hashed'],
    )
    assert.deepEqual(
      ['secret', 'private', 'none', 'toString'].map((name) => of(name)),
      ['encrypted', undefined, undefined, undefined],
    )
    assert.deepEqual(
      [fields.protectionOf('managed/user', ['secret', 'x']), fields.protectionOf('managed/user', [])],
      ['encrypted', undefined],
    )
    assert.equal(of('hash', 'managed/role'), undefined)
  })

  it('is that of the default types while there is no managed.json', async () => {
    const { configuration, write } = managedJson()
    const absent = { objects: [{ name: 'user', schema: { properties: { password: { secureHash: {} } } } }] }
    const fields = new PrivateFields(silentLog, absent)
    await fields.follow(configuration)
    assert.equal(fields.protectionOf('managed/user', ['password']), 'hashed')
    await write({ password: { encryption: {} } })
    assert.equal(fields.protectionOf('managed/user', ['password']), 'encrypted')
  })
})
