import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ConfigDirectory } from '../../../lib/config/files/directory.ts'
import { isEncrypted } from '../../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { connect } from '../../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../../lib/crest/protocol/router.ts'
import { managedObjects } from '../../../lib/gateway/managed/managed.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDirWith, writeAtomically } from '../../helpers/files.ts'
import { memoryLog } from '../../helpers/log.ts'
import { tempRepository } from '../../repo/repositories.ts'
import { fixedKeys } from './keys.ts'

const type = (name: string, properties: JsonObject = {}, required: string[] = []): JsonObject => ({
  name,
  schema: { properties, required },
})

async function start(files: Record<string, unknown>) {
  const dir = await tempDirWith(files)
  const [log, router, repository] = [memoryLog(), new ResourceRouter(), await tempRepository()]
  const configuration = new ConfigDirectory({ dir, log })
  onCleanUp(() => configuration.dispose())
  await configuration.start()
  const opened = managedObjects({ router, repository, configuration, keys: fixedKeys(), log })
  const write = async (content: unknown) => {
    await writeAtomically(join(dir, 'managed.json'), content)
    await configuration.rescan()
  }
  return { opened, router, log, write, openidm: connect(router, {}), repository, configuration }
}

describe('the types of managed objects', () => {
  it('are those of a fresh IDM while there is no managed.json', async () => {
    const { opened, router, openidm } = await start({})
    const managed = await opened
    const routes = ['user', 'role', 'assignment', 'organization'].map((name) => router.routes(`managed/${name}`))
    assert.deepEqual(routes, [true, true, true, true])
    await openidm.create('managed/role', 'r', { name: 'r' })
    await assert.rejects(openidm.create('managed/organization', 'o', {}), { code: 403 })
    await managed.dispose()
    assert.equal(router.routes('managed/user'), false)
  })

  it('follow managed.json; objects of a type that is taken out stay', async () => {
    const { opened, openidm, write } = await start({ 'managed.json': { objects: [type('car'), type('ship')] } })
    const managed = await opened
    onCleanUp(() => managed.dispose())
    await assert.rejects(openidm.query('managed/user', { _queryFilter: 'true' }), { code: 404 })
    assert.deepEqual((await openidm.read('managed'))?.objects, [{ name: 'car' }, { name: 'ship' }])
    const { result } = await openidm.query('managed', { _queryFilter: 'name sw "s"' })
    assert.deepEqual(
      result.map(({ _id }) => _id),
      ['ship'],
    )
    await openidm.create('managed/car', 'a', { wheels: 3 })
    await write({ objects: [type('car', { wheels: { type: 'integer', searchable: true } }, ['wheels'])] })
    await assert.rejects(openidm.query('managed/ship', { _queryFilter: 'true' }), { code: 404 })
    await assert.rejects(openidm.create('managed/car', 'b', {}), { code: 403 })
    assert.equal((await openidm.query('managed/car', { _queryFilter: 'wheels eq 3' })).resultCount, 1)
    await write({ objects: [] })
    await assert.rejects(openidm.query('managed/car', { _queryFilter: 'true' }), { code: 404 })
    await write({ objects: [type('car')] })
    assert.equal((await openidm.read('managed/car/a'))?.wheels, 3)
  })

  it('a broken edit keeps what was in force, and says why', async () => {
    const { opened, router, log, write } = await start({ 'managed.json': { objects: [type('car')] } })
    const managed = await opened
    onCleanUp(() => managed.dispose())
    await write({ objects: [{ name: 'a b' }] })
    assert.equal(router.routes('managed/car'), true)
    assert.match(
      log.messages('error').join('\n'),
      /managed\.json: objects\.0\.name: must be letters.*; the last valid version stays in force/,
    )
  })

  for (const content of ['{', { objects: 7 }])
    it(`are closed with ${JSON.stringify(content)} at the start, which says why`, async () => {
      const { opened, openidm, write } = await start({ 'managed.json': content })
      const managed = await opened
      onCleanUp(() => managed.dispose())
      const closed = { code: 503, message: /^The managed objects are closed: managed\.json: / }
      for (const path of ['managed', 'managed/user']) await assert.rejects(openidm.read(path), closed)
      await write({ objects: [type('car')] })
      assert.equal(await openidm.read('managed/user'), null)
      assert.equal((await openidm.create('managed/car', 'a', {}))._id, 'a')
    })

  it('one with a fault is closed and named once; its neighbours are served', async () => {
    const bad = { name: 'ship', schema: { properties: { sails: { type: 'cloth' } } } }
    const objects = [type('car'), bad, { name: 'a b' }, type('car', { b: {} }), type('train')]
    const { opened, openidm, write, log, configuration } = await start({ 'managed.json': { objects } })
    const managed = await opened
    onCleanUp(() => managed.dispose())
    const message =
      /^managed\/ship is closed: managed\.json: objects\.1\.schema\.properties\.sails\.type: must be one of/
    await assert.rejects(openidm.query('managed/ship', { _queryFilter: 'true' }), { code: 503, message })
    await assert.rejects(openidm.create('managed/ship', 's', {}), { code: 503, message })
    for (const name of ['car', 'train']) assert.equal((await openidm.create(`managed/${name}`, 'a', {}))._id, 'a')
    const faults = () => (configuration.faults().get('managed.json') ?? []).map(({ pointer }) => pointer.join('.'))
    assert.deepEqual(faults(), ['objects.1.schema.properties.sails.type', 'objects.2.name', 'objects.3.name'])
    assert.equal(log.messages('error').length, 3)
    await write({ objects: [...objects, type('plane')] })
    assert.equal((await openidm.create('managed/plane', 'a', {}))._id, 'a')
    assert.equal(log.messages('error').length, 3)
    await write({ objects: [type('ship')] })
    assert.equal((await openidm.create('managed/ship', 's', {}))._id, 's')
    assert.deepEqual(faults(), [])
  })

  it('one with a fault in a later edit stays as it was; its neighbours change', async () => {
    const { opened, openidm, write } = await start({ 'managed.json': { objects: [type('car'), type('ship')] } })
    const managed = await opened
    onCleanUp(() => managed.dispose())
    await write({ objects: [type('car', { a: { type: 'x' } }, ['a']), type('ship', {}, ['name'])] })
    assert.equal((await openidm.create('managed/car', 'a', {}))._id, 'a')
    await assert.rejects(openidm.create('managed/ship', 'a', {}), { code: 403 })
    await write({ objects: 7 })
    assert.equal((await openidm.read('managed/car/a'))?._id, 'a')
  })

  it('a managed.json of IDM can be used as it is', async () => {
    const idm = {
      objects: [
        {
          name: 'user',
          lastSync: { effectiveAssignmentsProperty: 'effectiveAssignments' },
          onCreate: { type: 'text/javascript', file: 'onCreateUser.js' },
          schema: {
            $schema: 'http://json-schema.org/draft-03/schema',
            order: ['_id', 'userName', 'password', 'aliasList', 'manager', 'roles'],
            type: 'object',
            properties: {
              _id: {
                type: 'string',
                viewable: false,
                searchable: false,
                policies: [{ policyId: 'cannot-contain-characters', params: { forbiddenChars: ['/'] } }],
              },
              userName: {
                type: 'string',
                searchable: true,
                usageDescription: null,
                policies: [{ policyId: 'unique' }, { policyId: 'no-internal-user-conflict' }],
              },
              password: {
                type: 'string',
                isProtected: true,
                scope: 'private',
                encryption: { purpose: 'idm.password.encryption' },
                policies: [{ policyId: 'minimum-length', params: { minLength: 8 } }],
              },
              aliasList: { type: 'array', items: { type: 'string', title: 'User Alias Names Items' } },
              tags: { type: 'array', items: { type: 'string' }, uniqueItems: true },
              manager: {
                type: 'relationship',
                reverseRelationship: true,
                reversePropertyName: 'reports',
                properties: { _ref: { type: 'string' } },
                resourceCollection: [{ path: 'managed/user', query: {} }],
              },
              roles: { type: 'array', items: { type: 'relationship', resourceCollection: [] }, returnByDefault: false },
            },
            required: ['userName'],
          },
        },
      ],
    }
    const { opened, openidm, log } = await start({ 'managed.json': idm })
    const managed = await opened
    onCleanUp(() => managed.dispose())
    const made = await openidm.create('managed/user', 'bo', { userName: 'bo', password: 'Passw0rd!', aliasList: ['b'] })
    assert.deepEqual(Object.keys(made).sort(), ['_id', '_rev', 'aliasList', 'password', 'userName'])
    assert.ok(isEncrypted(made.password))
    assert.match(log.messages('warn').join('\n'), /these policies are not judged/)
    assert.deepEqual((await openidm.read('managed/user/bo', null, ['*_ref']))?.roles, [])
    const add = (value: string[]) => [
      { operation: 'add', field: '/tags', value },
      { operation: 'add', field: '/aliasList', value },
    ]
    await openidm.patch('managed/user/bo', null, add(['a', 'b']))
    const { tags, aliasList } = await openidm.patch('managed/user/bo', null, add(['b', 'c']))
    assert.deepEqual(
      [tags, aliasList],
      [
        ['a', 'b', 'c'],
        ['b', 'a', 'b', 'b', 'c'],
      ],
    )
  })
})
