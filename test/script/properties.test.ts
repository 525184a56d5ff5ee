import assert from 'node:assert/strict'
import { fixedLevel } from '../../lib/config/values/substitution/value-sources-level.ts'
import { isSecretName } from '../../lib/core/hidden-secrets.ts'
import { serverProperties } from '../../lib/script/configured/server-properties.ts'
import { memoryLog } from '../helpers/log.ts'

const PROJECT = '/p'
const CANARY = 'canary-7f3a'

describe('properties that scripts see', () => {
  const secretNames = [
    'password',
    'openidm.keystore.password',
    'OPENIDM_ADMIN_PASSWORD',
    'clientSecret',
    'idm.db.pwd',
    'AWS_SECRET_ACCESS_KEY',
    'GITHUB_TOKEN',
    'privateKey',
    'IDM_CRYPTO_KEYS',
    'api.key',
    'my.passphrase',
    'basicAuth',
    'db.credentials',
  ]
  const plainNames = [
    'openidm.host',
    'idm.instance.dir',
    'keyboard.layout',
    'monkey',
    'openidm.port.https',
    'author',
    'java.version',
    'spinner',
  ]
  it('have names of secrets, or not', () => {
    assert.deepEqual(
      secretNames.filter((name) => !isSecretName(name)),
      [],
    )
    assert.deepEqual(plainNames.filter(isSecretName), [])
  })

  const values = new Map([
    ['openidm.host', 'example.com'],
    ['url', 'https://&{openidm.host}:&{port|443}/'],
    ['database.url', `postgres://idm:${CANARY}@db/idm`],
    ['db.password', CANARY],
    ['greeting', 'hello &{db.password}'],
    ['my.token', CANARY],
    ['file.secret', CANARY],
    ['IN_ENVIRONMENT', CANARY],
  ])
  const level = fixedLevel('here', values)
  const sources = {
    lookup: (name: string) => {
      const found = level.lookup(name)
      const kind = name === 'file.secret' ? { literal: true } : { fromEnvironment: name === 'IN_ENVIRONMENT' }
      return found && { ...found, ...kind }
    },
    describe: () => 'here',
  }

  it('are given, with expressions resolved when asked', () => {
    const { property, locations } = serverProperties(PROJECT, sources, () => [], memoryLog())
    assert.equal(property('openidm.host', false), 'example.com')
    assert.equal(property('url', false), 'https://&{openidm.host}:&{port|443}/')
    assert.equal(property('url', true), 'https://example.com:443/')
    assert.equal(property('none', false), undefined)
    assert.deepEqual(locations, { install: '/p', project: '/p', working: '/p' })
  })

  it('S1: never hold a secret, unless it is named', () => {
    const log = memoryLog()
    const { property } = serverProperties(PROJECT, sources, () => [], log)
    for (const name of values.keys()) {
      for (const substitute of [false, true]) {
        let value: string | undefined
        try {
          value = property(name, substitute)
        } catch (error) {
          value = String(error)
        }
        assert.doesNotMatch(value ?? '', new RegExp(CANARY), name)
      }
    }
    assert.throws(() => property('IN_ENVIRONMENT', false), { code: 403, message: /add it to "visibleProperties"/ })
    assert.doesNotMatch(log.text, new RegExp(CANARY))
    const told = log.messages('warn').filter((message) => message.includes('db.password'))
    assert.deepEqual(told, [
      'the property db.password is hidden from scripts: add it to "visibleProperties" in script.json',
    ])
    const open = serverProperties(PROJECT, sources, () => ['my.token', 'db.password'], log)
    assert.deepEqual([open.property('my.token', false), open.property('greeting', true)], [CANARY, `hello ${CANARY}`])
  })
})
