import assert from 'node:assert/strict'
import { encrypt, generateKey, hash, parseKeys } from '../../../lib/config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { connect } from '../../../lib/crest/protocol/connection.ts'
import type { PatchOperation, ResourceRequest } from '../../../lib/crest/protocol/request.ts'
import { RequestParameters } from '../../../lib/crest/protocol/request-parameters.ts'
import type { ManagedConfiguration } from '../../../lib/gateway/managed/schema.ts'
import { ManagedUsers } from '../../../lib/gateway/managed/users.ts'
import { secretsOf } from '../../../lib/script/main/secrets.ts'
import { memoryLog } from '../../helpers/log.ts'
import { fixedKeys } from './keys.ts'
import { openManaged } from './managed-objects.ts'

const PASSWORD = 'Passw0rd!'
const NAME = 'managed/user/bo'

const configuration: ManagedConfiguration = {
  objects: [
    {
      name: 'user',
      schema: {
        properties: {
          userName: { type: 'string', searchable: true },
          password: {
            type: 'string',
            encryption: { purpose: 'idm.password.encryption' },
            scope: 'private',
            isProtected: true,
            policies: [{ policyId: 'minimum-length', params: { minLength: 8 } }],
          },
          pin: { type: 'string', secureHash: { algorithm: 'SHA-256' } },
          answers: { type: 'array', items: { type: 'string' }, encryption: {} },
          notes: { type: 'array', items: { type: 'string' }, scope: 'private' },
          any: { encryption: {} },
        },
      },
    },
  ],
}

async function start() {
  const ring = parseKeys(generateKey('test'), 'test')
  const parts = await openManaged({ configuration, keys: fixedKeys(ring) })
  const store = await parts.repository.store('managed/user', { indexes: ['userName'] })
  const secrets = secretsOf(() => ring)
  const outside = (request: Partial<ResourceRequest> & Pick<ResourceRequest, 'method'>) =>
    parts.router.handle({ resourcePath: NAME, fields: [], additionalParameters: {}, ...request } as ResourceRequest, {
      external: true,
    }) as unknown as Promise<{ content: JsonObject; revision: string }>
  const patchOutside = (...patchOperations: PatchOperation[]) =>
    outside({ method: 'patch', revision: null, patchOperations })
  return {
    ...parts,
    ring,
    store,
    outside,
    patchOutside,
    clear: async (value: Json | undefined) => secrets.decrypt(value ?? null),
    stored: async () => (await store.get('bo')).content,
    create: (more: JsonObject = {}) =>
      parts.openidm.create('managed/user', 'bo', {
        userName: 'bo',
        accountStatus: 'active',
        password: PASSWORD,
        ...more,
      }),
    verify: (password: string) => parts.managed.passwords.verify('bo', password),
  }
}

const { query: ALL } = RequestParameters.ofObject({ _queryFilter: 'true', _sortKeys: 'password' })
const typeIn = (value: Json | undefined) => (value as { $crypto?: { type?: string } } | undefined)?.$crypto?.type
const ENCRYPTED = 'x-external-idm-encryption'
const LEGACY = () => hash(PASSWORD, 'SHA-256')

describe('a managed property with encryption', () => {
  it('is stored encrypted, and comes from inside as its envelope; a hash is shown to nobody', async () => {
    const { create, openidm, stored, clear } = await start()
    await create({ pin: '1234', notes: ['n'], any: { deep: [1] } })
    assert.deepEqual([typeIn((await stored()).password), typeIn((await stored()).pin)], [ENCRYPTED, 'salted-hash'])
    assert.doesNotMatch(JSON.stringify(await stored()), /Passw0rd|deep|1234/)
    const { result } = await openidm.query('managed/user', { _queryFilter: 'true' })
    const named = await openidm.read(NAME, null, ['password', 'pin'])
    for (const object of [await openidm.read(NAME), named, result[0]]) {
      assert.deepEqual([typeIn(object?.password), object?.pin], [ENCRYPTED, undefined])
      assert.equal(await clear(object?.password), PASSWORD)
    }
    assert.deepEqual([result[0]?.notes, await clear(result[0]?.any)], [['n'], { deep: [1] }])
  })

  it('is not shown over REST, nor anything else that is private', async () => {
    const { create, outside, patchOutside } = await start()
    await create({ notes: ['n'] })
    const fields = [['*'], ['password'], ['notes'], ['password', '$crypto']]
    const answers = [
      await outside({ method: 'read', fields }),
      await outside({
        method: 'query',
        resourcePath: 'managed/user',
        fields,
        additionalParameters: {},
        ...ALL,
      } as ResourceRequest),
      await patchOutside({ operation: 'replace', field: ['password'], value: 'An0ther!!' }),
      await outside({ method: 'update', revision: null, content: { userName: 'bo', password: 'Th1rd!!!!' } }),
      await outside({ method: 'delete', revision: null }),
    ]
    assert.doesNotMatch(JSON.stringify(answers), /password|crypto|notes/)
  })

  it('is judged by its policies in clear', async () => {
    const { create, openidm, stored } = await start()
    await assert.rejects(create({ password: 'short' }), { code: 403 })
    await create()
    const { password } = await stored()
    await assert.rejects(openidm.update(NAME, null, { userName: 'bo', password: 'short' }), { code: 403 })
    assert.deepEqual((await stored()).password, password)
  })

  it('written back as it was read from inside, it stays as it is stored', async () => {
    const { create, openidm, stored } = await start()
    await create({ answers: ['a'] })
    const before = await stored()
    const read = await openidm.read(NAME)
    await openidm.update(NAME, String(read?._rev), { ...read, userName: 'bo2' })
    assert.deepEqual(await stored(), { ...before, userName: 'bo2' })
    const value = read?.password ?? null
    const { _rev } = await openidm.patch(NAME, null, [{ operation: 'replace', field: '/password', value }])
    assert.deepEqual([(await stored()).password, _rev], [before.password, (await openidm.read(NAME))?._rev])
  })

  it('another envelope from inside stands for the value in it; one from outside for itself', async () => {
    const { create, openidm, outside, stored, ring, clear, verify } = await start()
    await create({ password: encrypt('Fr0m-inside', ring) })
    assert.ok(await verify('Fr0m-inside'))
    const other = encrypt('short', ring)
    await assert.rejects(openidm.update(NAME, null, { userName: 'bo', password: other }), { code: 403 })
    await assert.rejects(outside({ method: 'update', revision: null, content: { password: other } }), { code: 403 })
    await outside({ method: 'update', revision: null, content: { userName: 'bo', any: other } })
    assert.deepEqual(await clear((await stored()).any), other)
  })

  it('an envelope that cannot be opened, or a hash, is refused by name', async () => {
    const { create } = await start()
    const foreign = encrypt('x', parseKeys(generateKey('other'), 'test'))
    const where = 'managed/user/bo: "password"'
    await assert.rejects(create({ password: foreign }), ({ code, message }: Error & { code: number }) => {
      assert.equal(code, 400)
      assert.match(message, new RegExp(`^${where} is encrypted with the key "other"`))
      return true
    })
    const message = `${where} is a salted hash, which cannot be decrypted: set it anew`
    await assert.rejects(create({ password: await LEGACY() }), { code: 400, message })
  })

  it('a part of it is changed in place, and a list in it is not lost', async () => {
    const { create, patchOutside, stored, clear } = await start()
    await create({ answers: ['a', 'b'], notes: ['n'], any: { x: 1, y: 2 } })
    const before = await stored()
    await patchOutside(
      { operation: 'add', field: ['answers'], value: ['c'] },
      { operation: 'remove', field: ['answers'], value: 'a' },
      { operation: 'add', field: ['notes', '-'], value: 'm' },
      { operation: 'remove', field: ['any', 'x'] },
    )
    const after = await stored()
    assert.deepEqual(
      [await clear(after.answers), after.notes, await clear(after.any)],
      [['b', 'c'], ['n', 'm'], { y: 2 }],
    )
    assert.deepEqual(after.password, before.password)
    const { revision } = await patchOutside({ operation: 'remove', field: ['answers'], value: 'none' })
    assert.deepEqual([await stored(), (await patchOutside()).revision], [after, revision])
    await patchOutside({ operation: 'remove', field: ['answers'] }, { operation: 'remove', field: ['notes'] })
    assert.deepEqual(Object.keys(await stored()).sort(), ['accountStatus', 'any', 'password', 'userName'])
  })

  it('a patch neither shows it nor tells whether a guess is right', async () => {
    const { create, patchOutside, stored } = await start()
    await create({ answers: ['a'] })
    const before = await stored()
    const { revision } = await patchOutside(
      { operation: 'remove', field: ['password'], value: PASSWORD },
      { operation: 'copy', field: ['shown'], from: ['answers'] },
      { operation: 'move', field: ['shown', '-'], from: ['answers'] },
      { operation: 'copy', field: ['notes'], from: ['password'] },
    )
    assert.deepEqual([await stored(), revision], [before, (await patchOutside()).revision])
  })

  it('a single value is not replaced by a list or an object that a patch goes into', async () => {
    const { create, patchOutside, stored } = await start()
    await create({ any: 'one' })
    const before = await stored()
    for (const field of [
      ['any', '-'],
      ['any', 'x'],
    ])
      await assert.rejects(patchOutside({ operation: 'add', field, value: 1 }), {
        code: 400,
        message: `/${field[0]}: Expecting a Map or List`,
      })
    assert.deepEqual(await stored(), before)
  })

  it('signs a user in', async () => {
    const { create, verify } = await start()
    await create()
    const found = await verify(PASSWORD)
    assert.equal(typeof found === 'object' && found.authorization.id, 'bo')
    assert.equal(await verify('passw0rd!'), 'wrong')
    assert.equal(await verify(''), 'wrong')
  })

  it('a key that is gone is a wrong password, and an error in the log', async () => {
    const { create, store } = await start()
    await create()
    const log = memoryLog()
    assert.equal(await new ManagedUsers(() => store, { keys: fixedKeys(), log }).verify('bo', PASSWORD), 'wrong')
    assert.deepEqual(log.messages('error'), ['the password of managed/user/bo cannot be checked'])
  })

  describe('with a value that was hashed before', () => {
    async function hashed() {
      const parts = await start()
      await parts.store.insert('bo', {
        userName: 'bo',
        accountStatus: 'active',
        password: await LEGACY(),
        answers: await LEGACY(),
      })
      return { ...parts, openidm: connect(parts.router, {}) }
    }

    it('signs the user in, and stays until it is set anew', async () => {
      const { verify, openidm, stored } = await hashed()
      const before = await stored()
      assert.ok(await verify(PASSWORD))
      await openidm.update(NAME, null, { ...(await openidm.read(NAME)), sn: 'x' })
      await openidm.patch(NAME, null, [{ operation: 'replace', field: '/sn', value: 'y' }])
      assert.deepEqual(await stored(), { ...before, sn: 'y' })
      await openidm.patch(NAME, null, [{ operation: 'replace', field: '/password', value: 'An0ther!!' }])
      assert.equal(typeIn((await stored()).password), ENCRYPTED)
      assert.ok(await verify('An0ther!!'))
    })

    it('is told by name where its clear value is needed', async () => {
      const { patchOutside, openidm, clear } = await hashed()
      await assert.rejects(patchOutside({ operation: 'add', field: ['answers'], value: ['a'] }), {
        code: 409,
        message: 'managed/user/bo: "answers" is a salted hash, which cannot be decrypted: set it anew',
      })
      const { password } = (await openidm.read(NAME)) ?? {}
      await assert.rejects(clear(password), { code: 400, message: /^openidm\.decrypt: .* salted hash/ })
      assert.deepEqual(await clear({ password: password ?? null }), { password })
    })
  })

  it('stored in clear by an older schema, it is encrypted with the next write', async () => {
    const { store, openidm, stored, clear } = await start()
    await store.insert('bo', { userName: 'bo', password: PASSWORD })
    await openidm.patch(NAME, null, [{ operation: 'replace', field: '/userName', value: 'bo2' }])
    assert.equal(typeIn((await stored()).password), ENCRYPTED)
    assert.equal(await clear((await stored()).password), PASSWORD)
  })
})

describe('a managed property that a hook sets', () => {
  it('is stored, also when it is private and was there before', async () => {
    const hooks = { beforeUpdate: async ({ object }: { object: JsonObject }) => ({ ...object, notes: ['hook'] }) }
    const { openidm } = await openManaged({ configuration, hooks })
    await openidm.create('managed/user', 'bo', { userName: 'bo', notes: ['old'] })
    assert.deepEqual((await openidm.update(NAME, null, { userName: 'bo' })).notes, ['hook'])
  })
})
