import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ManagedUsers } from '../../../lib/gateway/managed/users.ts'
import { memoryLog } from '../../helpers/log.ts'
import { fixedKeys } from './keys.ts'
import { type ManagedParts, openManaged, user } from './managed-objects.ts'

const PASSWORD = 'Passw0rd!'

describe('managed users sign in', () => {
  let parts: ManagedParts
  beforeEach(async () => {
    parts = await openManaged()
  })

  const create = (id: string, more: JsonObject = {}) =>
    parts.openidm.create('managed/user', id, user(`${id}-name`, { password: PASSWORD, ...more }))
  const verify = (name: string, password = PASSWORD) => parts.managed.passwords.verify(name, password)

  it('with userName and password', async () => {
    await create('bo')
    assert.deepEqual(await verify('bo-name'), {
      authenticationId: 'bo-name',
      authorization: {
        id: 'bo',
        component: 'managed/user',
        roles: ['internal/role/openidm-authorized'],
        moduleId: 'MANAGED_USER',
        authenticationId: 'bo-name',
      },
    })
  })

  it('and not otherwise', async () => {
    await create('bo')
    await create('gone', { accountStatus: 'inactive' })
    await parts.openidm.create('managed/user', 'bare', user('bare-name'))
    const refused: [name: string, password?: string][] = [
      ['bo-name', 'passw0rd!'],
      ['bo-name', ''],
      ['bo'],
      ['nobody'],
      ['" or true or "'],
      ['gone-name'],
      ['bare-name'],
      ['bare-name', ''],
    ]
    for (const [name, password] of refused)
      assert.equal(typeof (await verify(name, password)), 'string', `${name} ${password}`)
  })

  it('no longer once the password, the status or the user has changed, though it was right a moment ago', async () => {
    await create('bo')
    const change = (field: string, value: string) =>
      parts.openidm.patch('managed/user/bo', null, [{ operation: 'replace', field, value }])
    const isIn = async (password?: string) => typeof (await verify('bo-name', password)) === 'object'
    assert.ok(await isIn())
    assert.ok(await isIn())
    await change('password', 'An0ther!!')
    assert.equal(await verify('bo-name'), 'wrong')
    assert.ok(await isIn('An0ther!!'))
    await change('accountStatus', 'inactive')
    assert.equal(await verify('bo-name', 'An0ther!!'), 'wrong')
    await change('accountStatus', 'active')
    await parts.openidm.delete('managed/user/bo', null)
    assert.equal(await verify('bo-name', 'An0ther!!'), 'unknown')
  })

  it('and not under the name of an account of the gateway itself, however it is spelt', async () => {
    for (const userName of ['openidm-admin', 'Anonymous']) {
      await parts.openidm.create('managed/user', userName, user(userName, { password: PASSWORD }))
      for (const name of [userName, userName.toUpperCase(), userName.replace('i', 'ı')])
        assert.equal(await verify(name), 'unknown', name)
    }
  })

  it('a hash that cannot be read is a wrong password, and an error in the log without it', async () => {
    const log = memoryLog()
    const store = await parts.repository.store('managed/user', { indexes: ['userName'] })
    const password = { $crypto: { type: 'salted-hash', value: { algorithm: 'ROT13', data: 'c2VjcmV0' } } }
    await store.insert('bo', { userName: 'bo', accountStatus: 'active', password })
    assert.equal(await new ManagedUsers(() => store, { keys: fixedKeys(), log }).verify('bo', 'x'), 'wrong')
    assert.deepEqual(log.messages('error'), ['the password of managed/user/bo cannot be checked'])
    assert.doesNotMatch(log.text, /c2VjcmV0/)
  })

  it('while there is no such type, nobody', async () =>
    assert.equal(
      await new ManagedUsers(() => undefined, { keys: fixedKeys(), log: memoryLog() }).verify('bo', PASSWORD),
      'unknown',
    ))
})
