import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { PrivateFields } from '../../lib/sync/mapping/private-fields.ts'

const user = (properties: JsonObject) => [{ name: 'user', schema: { properties } }]

describe('how the properties of managed objects are stored', () => {
  it('is what the schema says', () => {
    const types = user({
      hash: { secureHash: {} },
      both: { secureHash: {}, encryption: {} },
      protected: { isProtected: true },
      secret: { encryption: {}, isProtected: true },
      private: { scope: 'private' },
    })
    const fields = new PrivateFields(() => types)
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

  it('follows the types in force', () => {
    let types = user({ password: { secureHash: {} } })
    const fields = new PrivateFields(() => types)
    assert.equal(fields.protectionOf('managed/user', ['password']), 'hashed')
    types = user({ password: { encryption: {} } })
    assert.equal(fields.protectionOf('managed/user', ['password']), 'encrypted')
  })

  it('is not known of a type whose schema has a fault: all fields of its mappings are hidden', () => {
    const fields = new PrivateFields(() => [
      { name: 'user', schema: undefined },
      { name: 'role', schema: {} },
    ])
    const mapping = (source: string, target: string) => fields.ofMapping({ source, target, properties: [] })
    assert.equal(mapping('managed/user', 'external/idm/eu/managed/user'), undefined)
    assert.equal(mapping('external/idm/eu/managed/user', 'managed/gone'), undefined)
    assert.deepEqual(mapping('managed/role', 'external/idm/eu/managed/role'), new Set())
  })
})
