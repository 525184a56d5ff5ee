import assert from 'node:assert/strict'
import { compareTypes, type ManagedType, mappingOf } from '../../lib/cli/init/mapping.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { mappingNotices, mappingSchema } from '../../lib/sync/mapping/mapping.ts'

const typeOf = (properties: JsonObject, required: string[] = []): ManagedType => ({
  name: 'user',
  properties,
  required,
})
const string = { type: 'string' }
const relationship = { type: 'array', items: { type: 'relationship' } }

describe('a mapping that init offers', () => {
  const rows: [what: string, source: JsonObject | undefined, target: JsonObject | undefined, reason?: string][] = [
    ['the same type', string, { type: 'string', viewable: false }],
    ['a type that may be null', string, { type: ['string', 'null'] }],
    ['the same alternatives in another order', { type: ['number', 'string'] }, { type: ['string', 'number'] }],
    ['no type on either side', {}, {}],
    ['lists of the same type', { type: 'array', items: string }, { type: 'array', items: string }],
    ['a value that the source computes', { ...string, isVirtual: true }, string],
    ['a private source', { ...string, scope: 'private' }, string, 'private at the source'],
    ['a private target', string, { ...string, scope: 'private' }, 'private at the target'],
    ['a hashed source', { ...string, secureHash: { algorithm: 'SHA-256' } }, string, 'hashed at the source'],
    ['an encrypted target', string, { ...string, encryption: { purpose: 'x' } }, 'encrypted at the target'],
    ['a relationship', { type: 'relationship' }, { type: 'relationship' }, 'a relationship at the source'],
    ['a list of relationships', string, relationship, 'a relationship at the target'],
    ['a value that the target computes', string, { ...string, isVirtual: true }, 'computed at the target'],
    ['a field of the source alone', string, undefined, 'missing at the target'],
    ['a field of the target alone', undefined, string, 'missing at the source'],
    ['another type', string, { type: 'boolean' }, 'string at the source, boolean at the target'],
    [
      'lists of other types',
      { type: 'array', items: string },
      { type: 'array', items: { type: 'object' } },
      'array of string at the source, array of object at the target',
    ],
  ]
  for (const [what, source, target, reason] of rows)
    it(`${reason === undefined ? 'maps' : 'leaves out'} ${what}`, () => {
      const sides = [source, target].map((property) => typeOf(property === undefined ? {} : { field: property }))
      const { mapped, unmapped } = compareTypes(sides[0] as ManagedType, sides[1] as ManagedType)
      assert.deepEqual(mapped, reason === undefined ? ['field'] : [])
      assert.deepEqual(unmapped, reason === undefined ? [] : [['field', reason]])
    })

  it('correlates by a unique field, else by one that identifies; tells what the target lacks', () => {
    const unique = { ...string, policies: [{ policyId: 'unique' }] }
    const correlationOf = (properties: JsonObject) => compareTypes(typeOf(properties), typeOf(properties)).correlation
    assert.equal(correlationOf({ mail: string, uid: unique, userName: string }), 'uid')
    assert.equal(correlationOf({ mail: string, userName: string }), 'userName')
    assert.equal(correlationOf({ sn: string }), undefined)
    const target = typeOf({ sn: string, password: { ...string, scope: 'private' } }, ['sn', 'password'])
    assert.deepEqual(compareTypes(typeOf({ sn: string, _id: string }), target).lacking, ['password'])
  })

  it('is one that the gateway takes without a notice', () => {
    const type = typeOf({ userName: string, sn: string })
    const content = mappingOf('external/idm/eu/managed/user', 'external/idm/us/managed/user', compareTypes(type, type))
    const mapping = mappingSchema.parse({ name: 'eu_us', ...content })
    assert.deepEqual(
      mapping.properties.map(({ target }) => target),
      [['userName'], ['sn']],
    )
    assert.ok(mapping.correlationQuery.size > 0)
    assert.deepEqual(mappingNotices({ name: 'eu_us', ...content }), [])
  })
})
