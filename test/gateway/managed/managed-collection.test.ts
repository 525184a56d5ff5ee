import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import type { Connection } from '../../../lib/crest/protocol/connection.ts'
import { describeResourceContract } from '../../contract/resource-contract.ts'
import { type Failure, openManaged, user } from './managed-objects.ts'

describeResourceContract('managed/thing, a type without a schema,', async () => {
  const { openidm } = await openManaged({ configuration: { objects: [{ name: 'thing' }] } })
  return { connection: openidm, collection: 'managed/thing' }
})

describe('managed/user', () => {
  let openidm: Connection
  beforeEach(async () => {
    ;({ openidm } = await openManaged())
  })

  const create = (id: string, more: JsonObject = {}) => openidm.create('managed/user', id, user(id, more))
  const read = (id: string, fields: string[] = []) => openidm.read(`managed/user/${id}`, null, fields)
  const patch = (id: string, ...operations: JsonObject[]) => openidm.patch(`managed/user/${id}`, null, operations)
  const find = async (filter: string, params: Record<string, Json> = {}) => {
    const { result } = await openidm.query('managed/user', { _queryFilter: filter, ...params })
    return result.map(({ _id }) => _id)
  }
  const refused = (write: Promise<unknown>, ...expected: [property: string, requirement: string][]) =>
    assert.rejects(write, (failure: Failure) => {
      assert.deepEqual([failure.code, failure.message], [403, 'Policy validation failed'])
      const found = failure.detail.failedPolicyRequirements.flatMap(({ property, policyRequirements }) =>
        (policyRequirements as JsonObject[]).map(({ policyRequirement }) => [property, policyRequirement]),
      )
      return assert.deepEqual(found, expected) ?? true
    })

  describe('policies', () => {
    it('required properties, as IDM says it', () =>
      assert.rejects(openidm.create('managed/user', 'bo', { userName: 'bo', sn: '', mail: null }), {
        code: 403,
        reason: 'Forbidden',
        message: 'Policy validation failed',
        detail: {
          result: false,
          failedPolicyRequirements: ['givenName', 'sn', 'mail'].map((property) => ({
            property,
            policyRequirements: [{ policyRequirement: 'REQUIRED' }],
          })),
        },
      }))

    it('a userName is unique, apart from case', async () => {
      await create('bo')
      await refused(openidm.create('managed/user', 'other', user('Bo')), ['userName', 'UNIQUE'])
      await create('other')
      await refused(patch('other', { operation: 'replace', field: 'userName', value: 'bo' }), ['userName', 'UNIQUE'])
      await patch('bo', { operation: 'replace', field: 'userName', value: 'BO' })
    })

    const broken: [more: JsonObject, property: string, requirement: string][] = [
      [{ mail: 'nowhere' }, 'mail', 'VALID_EMAIL_ADDRESS_FORMAT'],
      [{ userName: 'a/b' }, 'userName', 'CANNOT_CONTAIN_CHARACTERS'],
      [{ password: 'short' }, 'password', 'MIN_LENGTH'],
      [{ password: { $crypto: {} } }, 'password', 'VALID_TYPE'],
      [{ telephoneNumber: 7 }, 'telephoneNumber', 'VALID_TYPE'],
      [{ preferences: [] }, 'preferences', 'VALID_TYPE'],
    ]
    for (const [more, property, requirement] of broken)
      it(`${JSON.stringify(more)}: ${requirement}`, async () => {
        const failed = create('bo', more)
        if (property === 'password' && requirement === 'VALID_TYPE') await assert.rejects(failed, { code: 403 })
        else await refused(failed, [property, requirement])
        assert.equal(await read('bo'), null)
      })

    it('are judged after a patch too, and of an update the whole', async () => {
      await create('bo')
      await refused(patch('bo', { operation: 'remove', field: 'sn' }), ['sn', 'REQUIRED'])
      await refused(openidm.update('managed/user/bo', null, { ...user('bo'), givenName: null }), [
        'givenName',
        'REQUIRED',
      ])
    })

    it('a null property that is not required is one that is absent', async () => {
      assert.equal((await create('bo', { telephoneNumber: null })).telephoneNumber, null)
    })
  })

  it('accountStatus is active where a new user does not say; an update does not put it back', async () => {
    assert.equal((await create('bo')).accountStatus, 'active')
    assert.equal((await create('cy', { accountStatus: 'inactive' })).accountStatus, 'inactive')
    assert.equal((await openidm.update('managed/user/bo', null, user('bo'))).accountStatus, undefined)
  })

  it('an id that is taken is 412, whatever else is wrong', async () => {
    await create('bo')
    await assert.rejects(openidm.create('managed/user', 'bo', {}), { code: 412 })
  })

  it('of changes at the same time none is lost', async () => {
    await create('bo', { visits: 0 })
    const visit = () => patch('bo', { operation: 'increment', field: 'visits', value: 1 })
    await Promise.all(Array.from({ length: 10 }, visit))
    assert.equal((await read('bo'))?.visits, 10)
  })

  describe('a password', () => {
    const stored = async (id: string) => {
      const parts = await openManaged()
      const made = await parts.openidm.create('managed/user', id, user(id, { password: 'Passw0rd!' }))
      const store = await parts.repository.store('managed/user', { indexes: ['userName'] })
      return { ...parts, made, content: async () => (await store.get(id)).content }
    }

    it('is stored as a hash and never shown', async () => {
      const { openidm, made, content } = await stored('bo')
      const { $crypto } = (await content()).password as { $crypto: JsonObject }
      assert.equal($crypto.type, 'salted-hash')
      assert.doesNotMatch(JSON.stringify(await content()), /Passw0rd/)
      const { _rev, ...fields } = made
      assert.deepEqual(fields, { _id: 'bo', accountStatus: 'active', ...user('bo') })
      const answers = [
        await openidm.read('managed/user/bo', null, ['*', 'password', 'password/$crypto', '*_ref']),
        await openidm.query('managed/user', { _queryFilter: 'true', _sortKeys: 'password' }, ['password', '/']),
        await openidm.patch('managed/user/bo', null, [{ operation: 'replace', field: 'password', value: 'Other0ne!' }]),
        await openidm.update('managed/user/bo', null, user('bo', { password: 'Third0ne!' })),
        await openidm.delete('managed/user/bo', null),
      ]
      assert.doesNotMatch(JSON.stringify(answers), /password|crypto|0rd|0ne/)
    })

    it('stays when an update or a patch does not name it, and goes when one takes it away', async () => {
      const { openidm, content } = await stored('bo')
      const { password } = await content()
      await openidm.update('managed/user/bo', null, user('bo', { description: 'x' }))
      await openidm.patch('managed/user/bo', null, [{ operation: 'remove', field: 'description' }])
      assert.deepEqual((await content()).password, password)
      await openidm.patch('managed/user/bo', null, [{ operation: 'remove', field: '/password' }])
      assert.equal((await content()).password, undefined)
      await openidm.patch('managed/user/bo', null, [{ operation: 'add', field: '/password', value: 'Passw0rd!' }])
      assert.notEqual((await content()).password, undefined)
      await openidm.update('managed/user/bo', null, user('bo', { password: null }))
      assert.equal((await content()).password, undefined)
    })

    for (const operation of ['copy', 'move'])
      it(`cannot be made visible: ${operation}`, async () => {
        const { openidm, made, content } = await stored('bo')
        const before = await content()
        const operations = [{ operation, from: '/password', field: '/description' }]
        assert.deepEqual(await openidm.patch('managed/user/bo', null, operations), made)
        assert.deepEqual(await content(), before)
      })

    it('cannot be guessed at by filters or sort keys', async () => {
      const { openidm } = await stored('bo')
      const ids = async (filter: string) => {
        const { result } = await openidm.query('managed/user', { _queryFilter: filter, _sortKeys: 'password' })
        return result.length
      }
      assert.equal(await ids('password pr'), 0)
      assert.equal(await ids('password/$crypto/type eq "salted-hash"'), 0)
      assert.equal(await ids('!(password pr) and (userName eq "bo" or password/$crypto[/x pr])'), 1)
    })
  })

  describe('relationships', () => {
    it('are shown when asked for, and are empty', async () => {
      await create('bo')
      assert.equal('roles' in ((await read('bo')) ?? {}), false)
      assert.equal('roles' in ((await read('bo', ['*'])) ?? {}), false)
      const { _id, _rev, ...named } = (await read('bo', ['userName', 'roles', 'manager', 'reports/*'])) ?? {}
      assert.deepEqual(named, { userName: 'bo', roles: [], manager: null, reports: [] })
      const all = await read('bo', ['*_ref'])
      assert.deepEqual(Object.keys(all ?? {}).sort(), ['_id', '_rev', 'authzRoles', 'manager', 'reports', 'roles'])
      const both = await read('bo', ['*', '*_ref/*'])
      assert.deepEqual([both?.sn, both?.roles, both?.manager], ['Ortiz', [], null])
      const { result } = await openidm.query('managed/user', { _queryFilter: 'true' }, ['roles'])
      assert.deepEqual(result[0]?.roles, [])
    })

    it('may be sent back empty; one that is not is refused, since it would be lost', async () => {
      await create('bo', { roles: [], manager: null })
      assert.deepEqual(await find('roles pr'), [])
      const role = { _ref: 'managed/role/x' }
      await assert.rejects(create('cy', { roles: [role] }), { code: 400, message: /remove 'roles'/ })
      await assert.rejects(openidm.update('managed/user/bo', null, user('bo', { manager: role })), { code: 400 })
      await assert.rejects(patch('bo', { operation: 'add', field: '/roles', value: [role] }), { code: 400 })
    })
  })

  describe('stored queries', () => {
    const ask = (params: Record<string, Json>) => openidm.query('managed/user', params)
    beforeEach(async () => {
      await create('bo')
      await create('cy')
    })

    it('query-all-ids answers with ids alone, query-all with all', async () => {
      const { result } = await ask({ _queryId: 'query-all-ids' })
      assert.deepEqual(
        result.map((object) => Object.keys(object)),
        [
          ['_id', '_rev'],
          ['_id', '_rev'],
        ],
      )
      const all = await ask({ _queryId: 'query-all' })
      assert.deepEqual(
        all.result.map(({ mail }) => mail),
        ['bo@example.net', 'cy@example.net'],
      )
    })

    it('for-userName needs a uid, and takes it as it is', async () => {
      const { result } = await ask({ _queryId: 'for-userName', uid: 'cy' })
      assert.deepEqual(
        result.map(({ _id }) => _id),
        ['cy'],
      )
      assert.equal((await ask({ _queryId: 'for-userName', uid: '" or true or "' })).resultCount, 0)
      await assert.rejects(ask({ _queryId: 'for-userName' }), { code: 400, message: /'uid'/ })
    })

    it('any other is refused, and so is a query expression', async () => {
      await assert.rejects(ask({ _queryId: 'credential-query', username: 'bo' }), {
        code: 400,
        message: /query-all-ids/,
      })
      await assert.rejects(ask({ _queryExpression: 'select 1' }), { code: 400 })
    })
  })

  describe('action patch', () => {
    const replace = [{ operation: 'replace', field: '/sn', value: 'New' }]
    const act = (params: Record<string, Json>, content: Json = replace, path = 'managed/user') =>
      openidm.action(path, 'patch', content, params)
    beforeEach(async () => {
      await create('bo')
      await create('cy')
    })

    it('changes the one object that a query finds', async () => {
      const patched = (await act({ _queryId: 'for-userName', uid: 'bo' })) as JsonObject
      assert.deepEqual([patched._id, patched.sn], ['bo', 'New'])
      assert.deepEqual(patched, await read('bo'))
      assert.equal(((await act({ _queryFilter: 'userName eq "cy"' })) as JsonObject)._id, 'cy')
      assert.equal(((await act({}, replace, 'managed/user/cy')) as JsonObject)._id, 'cy')
    })

    it('refuses none, several, no query, no operations, and other actions', async () => {
      await assert.rejects(act({ _queryId: 'for-userName', uid: 'x' }), { code: 404 })
      await assert.rejects(act({ _queryFilter: 'true' }), { code: 409 })
      await assert.rejects(act({}), { code: 400 })
      await assert.rejects(act({ _queryId: 'for-userName', uid: 'bo' }, {}), { code: 400 })
      await assert.rejects(openidm.action('managed/user', 'explode'), { code: 400 })
      assert.equal((await read('bo'))?.sn, 'Ortiz')
    })
  })
})

describe('hooks of managed objects', () => {
  it('see and change what is written, before policies judge it, and can refuse', async () => {
    const seen: Json[] = []
    const { openidm } = await openManaged({
      hooks: {
        beforeCreate: async ({ type, id, object }) => {
          seen.push([type, id, object.password ?? null])
          return { ...object, mail: `${object.userName}@example.net` }
        },
        beforeUpdate: async ({ object, previous }) => ({ ...object, description: `was ${previous?.sn}` }),
        beforeDelete: async ({ id }) => assert.notEqual(id, 'bo', 'stay'),
      },
    })
    const { mail, ...rest } = user('bo', { password: 'Passw0rd!' })
    assert.equal((await openidm.create('managed/user', 'bo', rest)).mail, mail)
    assert.deepEqual(seen, [['user', 'bo', 'Passw0rd!']])
    const patched = await openidm.patch('managed/user/bo', null, [{ operation: 'replace', field: 'sn', value: 'X' }])
    assert.equal(patched.description, 'was Ortiz')
    await assert.rejects(openidm.delete('managed/user/bo', null))
    assert.notEqual(await openidm.read('managed/user/bo'), null)
  })
})
