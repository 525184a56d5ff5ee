import assert from 'node:assert/strict'
import { defaultManaged } from '../../../lib/gateway/managed/defaults.ts'
import { failedRequirements, unknownPolicies } from '../../../lib/gateway/managed/policies.ts'
import { managedSchema, type PropertyConfiguration } from '../../../lib/gateway/managed/schema.ts'
import { ManagedType } from '../../../lib/gateway/managed/type.ts'

const typeOf = (properties: Record<string, PropertyConfiguration>, required: string[] = []) =>
  new ManagedType({ name: 'thing', schema: { properties, required } })

describe('a managed type', () => {
  it('user: what is special about its properties', () => {
    const [user] = managedSchema.parse(defaultManaged).objects
    assert.ok(user)
    const type = new ManagedType(user)
    assert.equal(type.route, 'managed/user')
    assert.deepEqual(type.indexes, ['userName', 'givenName', 'sn', 'mail', 'accountStatus'])
    assert.deepEqual([type.unique, [...type.privates], [...type.hashed]], [['userName'], ['password'], ['password']])
    assert.deepEqual(
      [...type.relationships],
      [
        ['roles', []],
        ['authzRoles', []],
        ['manager', null],
        ['reports', []],
      ],
    )
    assert.deepEqual([type.defaults, unknownPolicies(type)], [{ accountStatus: 'active' }, []])
  })

  it('what is private need not be protected; what is protected in any way is private', () => {
    const type = typeOf({
      a: { scope: 'private' },
      b: { isProtected: true },
      c: { encryption: {} },
      d: { secureHash: {} },
      e: { encryption: {}, isProtected: true, scope: 'private' },
      f: { encryption: {}, secureHash: {} },
    })
    assert.deepEqual([...type.privates], ['a', 'b', 'c', 'd', 'e', 'f'])
    assert.deepEqual([...type.hashed], ['b', 'd', 'f'])
    assert.deepEqual([...type.encrypted], ['c', 'e'])
  })

  const judged: [property: PropertyConfiguration, value: unknown, requirement?: string][] = [
    [{ type: 'integer' }, 7],
    [{ type: 'integer' }, 7.5, 'VALID_TYPE'],
    [{ type: ['string', 'number'] }, 7.5],
    [{ type: ['string', 'number'] }, true, 'VALID_TYPE'],
    [{ type: 'array' }, {}, 'VALID_TYPE'],
    [{ type: 'array', items: { type: 'string' } }, []],
    [{}, { any: 'thing' }],
    [{ policies: [{ policyId: 'maximum-length', params: { maxLength: 2 } }] }, 'abc', 'MAX_LENGTH'],
    [{ policies: [{ policyId: 'maximum-length', params: { maxLength: 2 } }] }, 'ab'],
    [{ policies: [{ policyId: 'unheard-of' }] }, 'ab'],
  ]
  for (const [property, value, requirement] of judged)
    it(`${JSON.stringify(property)}: ${JSON.stringify(value)} ${requirement ? `fails ${requirement}` : 'is fine'}`, () => {
      const failed = failedRequirements(typeOf({ p: property }), { p: value as never })
      const names = failed.flatMap(({ policyRequirements }) =>
        policyRequirements.map((found) => found.policyRequirement),
      )
      assert.deepEqual(names, requirement ? [requirement] : [])
    })

  it('a required property may be one that the schema does not describe, or one that is kept', () => {
    assert.equal(failedRequirements(typeOf({}, ['x']), {}).length, 1)
    assert.equal(failedRequirements(typeOf({}, ['x']), {}, { x: 1 }).length, 0)
  })
})
