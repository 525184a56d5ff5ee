import assert from 'node:assert/strict'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Secret } from '../../../lib/core/secret.ts'
import { administratorPassword, staticUsers } from '../../../lib/gateway/access/administrator.ts'
import { isLoopback } from '../../../lib/gateway/project/loopback.ts'
import { StartError } from '../../../lib/gateway/project/start-error.ts'
import { tempDirWith } from '../../helpers/files.ts'

const verify = async (username: string, password: string) => {
  const found = await Promise.all(staticUsers(new Secret('s€cret')).map((user) => user.verify(username, password)))
  return found.find((verdict) => typeof verdict === 'object')
}

describe('administrator', () => {
  it('has the password of the environment', () => {
    const { password, isDefault } = administratorPassword({ OPENIDM_ADMIN_PASSWORD: ' x ' }, true)
    assert.equal(password.reveal(), ' x ')
    assert.equal(isDefault, false)
    assert.equal(inspect(password).includes(' x '), false)
  })

  it('has the password of a file, without the line end', async () => {
    const dir = await tempDirWith({ password: 'pass word\r\n', empty: '\n' })
    const env = { OPENIDM_ADMIN_PASSWORD_FILE: join(dir, 'password') }
    assert.equal(administratorPassword(env, true).password.reveal(), 'pass word')
    assert.throws(() => administratorPassword({ OPENIDM_ADMIN_PASSWORD_FILE: join(dir, 'empty') }, true), /is empty/)
    assert.throws(
      () => administratorPassword({ OPENIDM_ADMIN_PASSWORD_FILE: join(dir, 'none') }, true),
      /OPENIDM_ADMIN_PASSWORD_FILE: .*none: does not exist/,
    )
  })

  it('has the well-known password on this machine alone', () => {
    assert.equal(administratorPassword({}, true).password.reveal(), 'openidm-admin')
    assert.equal(administratorPassword({}, true).isDefault, true)
    assert.throws(() => administratorPassword({}, false), StartError)
    assert.throws(() => administratorPassword({}, false), /set OPENIDM_ADMIN_PASSWORD or OPENIDM_ADMIN_PASSWORD_FILE/)
    assert.throws(() => administratorPassword({ OPENIDM_ADMIN_PASSWORD: '' }, true), /is empty/)
    const both = { OPENIDM_ADMIN_PASSWORD: 'a', OPENIDM_ADMIN_PASSWORD_FILE: 'b' }
    assert.throws(() => administratorPassword(both, true), /not both/)
  })

  it('has a long password of its own where others than this machine can guess', () => {
    for (const password of ['x', 'eleven char', 'ä'.repeat(11), 'openidm-admin']) {
      const env = { OPENIDM_ADMIN_PASSWORD: password }
      assert.throws(() => administratorPassword(env, false), {
        name: 'StartError',
        message: /at least 12 characters and must not be the default.*OPENIDM_ADMIN_PASSWORD/,
      })
      assert.equal(administratorPassword(env, true).password.reveal(), password)
    }
    const twelve = 'twelve chars'
    assert.equal(administratorPassword({ OPENIDM_ADMIN_PASSWORD: twelve }, false).password.reveal(), twelve)
  })

  it('is what loopback addresses are: 127/8, ::1, localhost', () => {
    for (const host of ['127.0.0.1', '127.8.8.8', '::1', 'localhost']) assert.equal(isLoopback(host), true, host)
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.example.com', 'host'])
      assert.equal(isLoopback(host), false, host)
  })

  it('is recognised, and so is anonymous; nobody else', async () => {
    assert.deepEqual((await verify('openidm-admin', 's€cret'))?.authorization.roles, [
      'internal/role/openidm-admin',
      'internal/role/openidm-authorized',
    ])
    assert.deepEqual((await verify('anonymous', 'anonymous'))?.authorization.roles, ['internal/role/openidm-reg'])
    for (const [username, password] of [
      ['openidm-admin', 'anonymous'],
      ['anonymous', 's€cret'],
      ['openidm-admin', ''],
      ['', ''],
      ['OpenIDM-admin', 's€cret'],
      ['openidm-admin', 's€cret '],
    ] as const) {
      assert.equal(await verify(username, password), undefined, `${username}:${password}`)
    }
  })
})
