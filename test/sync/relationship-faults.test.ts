import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { type Mapping, mappingSchema } from '../../lib/sync/mapping/mapping.ts'
import { inOrder } from '../../lib/sync/mapping/order.ts'
import { ownRelationshipFaults, relationshipFaults } from '../../lib/sync/mapping/relationship-faults.ts'

const mapping = (name: string, type: string, properties: readonly JsonObject[] = [], more: JsonObject = {}): Mapping =>
  mappingSchema.parse({
    name,
    source: `external/idm/old/managed/${type}`,
    target: `external/idm/new/managed/alpha_${type}`,
    properties: properties.map((property) => ({ ...property })),
    ...more,
  })
const via = (field: string, named: string | Record<string, string>, more: JsonObject = {}): JsonObject => ({
  ...{ source: field, target: field },
  relationship: { mapping: named },
  ...more,
})

describe('faults of relationships', () => {
  const own = (property: JsonObject, more: JsonObject = {}) =>
    ownRelationshipFaults(mapping('users', 'user', [property], more))

  const OWN: readonly (readonly [what: string, property: JsonObject, more: JsonObject, fault: RegExp])[] = [
    [
      'a type of the gateway as target',
      via('roles', 'r'),
      { target: 'managed/user' },
      /^properties\.0\.relationship: managed\/user is a type of this gateway, which keeps no relationships$/,
    ],
    [
      'a type of the gateway as source',
      via('roles', 'r'),
      { source: 'managed/user' },
      /managed\/user is a type of this gateway/,
    ],
    [
      'no source',
      { target: 'roles', relationship: { mapping: 'r' } },
      {},
      /^properties\.0\.source: must be the name of a relationship$/,
    ],
    ['the whole object as source', { ...via('roles', 'r'), source: '' }, {}, /^properties\.0\.source: /],
    ['a field of an object', { ...via('roles', 'r'), target: 'a/roles' }, {}, /^properties\.0\.target: /],
    [
      'a transform',
      via('roles', 'r', { transform: { type: 'text/javascript', source: '1' } }),
      {},
      /^properties\.0\.transform: cannot be combined with relationship$/,
    ],
    ['a default', via('roles', 'r', { default: [] }), {}, /^properties\.0\.default: /],
    ['writeOnly', via('roles', 'r', { writeOnly: true }), {}, /^properties\.0\.writeOnly: /],
    [
      'a condition that is a script',
      via('roles', 'r', { condition: { type: 'text/javascript', source: 'true' } }),
      {},
      /^properties\.0\.condition: must be a query filter/,
    ],
    [
      'pages and whole objects',
      { ...via('roles', 'r'), relationship: { mapping: 'r', paged: true } },
      { updateMethod: 'put' },
      /^properties\.0\.relationship\.paged: /,
    ],
  ]
  for (const [what, property, more, fault] of OWN)
    it(`names ${what}`, () => assert.match(own(property, more).join(), fault))

  it('finds none in a relationship between two instances', () => assert.deepEqual(own(via('roles', 'r')), []))

  const SCHEMA: readonly (readonly [relationship: JsonObject, fault: RegExp])[] = [
    [{}, /mapping.*must be the name of a mapping, or an object/s],
    [{ mapping: 'r', properties: ['_id'] }, /must be a name, and not _id or _rev/],
    [{ mapping: 'r', propertys: [] }, /propertys/],
  ]
  for (const [relationship, fault] of SCHEMA)
    it(`refuses ${JSON.stringify(relationship)}`, () =>
      assert.throws(() => mapping('users', 'user', [{ source: 'roles', target: 'roles', relationship }]), fault))

  const roles = mapping('roles', 'role')

  it('names a mapping that is not there, unless it may lack', () => {
    const users = mapping('users', 'user', [via('roles', 'roles'), via('orgs', { 'managed/org': 'nobody' })])
    assert.deepEqual(relationshipFaults(users, [roles]), [
      'properties.1.relationship.mapping.managed/org: there is no mapping "nobody"',
    ])
    assert.deepEqual(relationshipFaults(users, [roles], true), [])
  })

  it('names a mapping between other instances, without links, or of another collection', () => {
    const users = mapping('users', 'user', [via('roles', 'roles')])
    const elsewhere = { ...roles, target: 'external/idm/third/managed/role' }
    assert.match(
      relationshipFaults(users, [elsewhere]).join(),
      /"roles" is not a mapping between external\/idm\/old\/ and external\/idm\/new\/$/,
    )
    assert.match(
      relationshipFaults(users, [{ ...roles, enableLinking: false }]).join(),
      /keeps no links \(enableLinking\)$/,
    )
    const other = mapping('users', 'user', [via('roles', { 'managed/group': 'roles' })])
    assert.match(relationshipFaults(other, [roles]).join(), /that has external\/idm\/old\/managed\/group at one side$/)
  })

  it('takes a mapping in the other direction, and the mapping itself', () => {
    const back = { ...roles, source: roles.target, target: roles.source }
    const users = mapping('users', 'user', [via('roles', 'roles'), via('manager', 'users')])
    assert.deepEqual(relationshipFaults(users, [back]), [])
  })

  it('names both ends of one relationship, in two mappings or in one', () => {
    const users = mapping('users', 'user', [via('roles', 'roles'), via('manager', 'users')])
    const members = mapping('roles', 'role', [via('members', 'users')])
    assert.deepEqual(relationshipFaults(users, [members]), [
      'properties.0.relationship: roles is the other end of members, which mapping roles carries over (properties.0); keep one of the two',
    ])
    assert.match(relationshipFaults(members, [users]).join(), /members is the other end of roles, which mapping users/)
    const both = mapping('users', 'user', [via('manager', 'users'), via('reports', 'users')])
    assert.equal(relationshipFaults(both, []).length, 2)
    const owners = mapping('roles', 'role', [via('owner', 'users')])
    assert.deepEqual(relationshipFaults(users, [owners]), [])
  })

  it('has mappings come after those whose links they need; a circle does no harm', () => {
    const users = mapping('users', 'user', [via('roles', 'roles'), via('manager', 'users')])
    const order = (...mappings: Mapping[]) =>
      inOrder(mappings.map((one) => ({ mapping: one }))).map(({ mapping: { name } }) => name)
    assert.deepEqual(order(users, roles), ['roles', 'users'])
    assert.deepEqual(order({ ...users, syncAfter: ['others'] }, roles), ['users', 'roles'])
    const owned = mapping('roles', 'role', [via('owner', 'users')])
    assert.deepEqual(order(users, owned), ['roles', 'users'])
  })
})
