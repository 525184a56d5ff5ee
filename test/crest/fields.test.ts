import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { parseFields, projectFields } from '../../lib/crest/protocol/fields.ts'

const user: JsonObject = {
  _id: 'u1',
  name: { given: 'Amira', family: 'Ortiz' },
  mail: 'a@example.net',
  'a/b': 1,
  manager: { _ref: 'managed/user/boss', _refProperties: {} },
  roles: [{ _ref: 'managed/role/r1' }, { _ref: 'managed/role/r2' }],
  empty: [],
  nothing: null,
}

describe('_fields', () => {
  const cases: [fields: string | undefined, projection: JsonObject][] = [
    [undefined, user],
    ['', user],
    [' , ', user],
    ['*', user],
    ['/', user],
    ['mail,*', user],
    ['mail', { mail: 'a@example.net' }],
    ['/mail, _id', { mail: 'a@example.net', _id: 'u1' }],
    ['name/given', { name: { given: 'Amira' } }],
    ['name/given,name/family', { name: { given: 'Amira', family: 'Ortiz' } }],
    ['name/*', { name: { given: 'Amira', family: 'Ortiz' } }],
    ['a%2Fb', { 'a/b': 1 }],
    ['nothing', { nothing: null }],
    ['missing,name/missing', {}],
    ['toString', {}],
    ['roles/1', { roles: user.roles ?? null }],
    ['name/0', {}],
    ['*_ref', { manager: user.manager ?? null, roles: user.roles ?? null }],
    ['mail,*_ref/*', { mail: 'a@example.net', manager: user.manager ?? null, roles: user.roles ?? null }],
  ]
  for (const [fields, projection] of cases)
    it(`${fields} of a user`, () => assert.deepEqual(projectFields(user, parseFields(fields)), projection))

  for (const [fields, projection] of cases.filter(([fields = '']) => /\w|\*/.test(fields)))
    it(`${fields} of a user, among many that it has not`, () => {
      const missing = Array.from({ length: 100 }, (_, i) => `missing${i}`)
      assert.deepEqual(projectFields(user, parseFields([fields, ...missing].join())), projection)
    })

  it('refuses what is no pointer', () => assert.throws(() => parseFields('a,b c'), { code: 400 }))
  it('shows a member __proto__ of the object, and no inherited one', () => {
    const poisoned = JSON.parse('{"a":1,"__proto__":{"b":2,"c":3}}') as JsonObject
    const project = (object: JsonObject) =>
      JSON.stringify(projectFields(object, parseFields('__proto__/b,constructor')))
    assert.equal(project(poisoned), '{"__proto__":{"b":2}}')
    assert.equal(project({ a: 1 }), '{}')
  })
  it('leaves the object as it was', () => {
    const before = structuredClone(user)
    projectFields(user, parseFields('name,name/given'))
    assert.deepEqual(user, before)
  })
})
