import assert from 'node:assert/strict'
import { hideSecrets, hideUserInfo, isSecretName, STARS } from '../../lib/core/hidden-secrets.ts'
import { cpuClock } from '../helpers/patience.ts'

const SECRET = [
  'password',
  'PASSWORD',
  '_password',
  'passwrod',
  'pasword',
  'clientSecret',
  'clientSecert',
  '_clientSecret',
  'pwd',
  'pin',
  'pinCode',
  'unicodePwd',
  'unicodepwd',
  'userPassword',
  'DB_PASS',
  'DB_PASSWORD_OLD',
  'PGPASS',
  'STRIPE_APIKEY',
  'AWS_ACCESSKEY',
  'AWS_SECRET_ACCESS_KEY',
  'JWT',
  'SIGNING_SALT',
  'accessToken',
  'accesstoken',
  'token1',
  'privateKey',
  'private_key',
  'api.key',
  'storePassword',
  'kbaInfo',
  'basicAuth',
  'IDM_CRYPTO_KEYS',
  'otp',
]
const OPEN = [
  'name',
  'key',
  'keys',
  'monkey',
  'keyboard.layout',
  'author',
  'spinner',
  'pinboard',
  'passport number',
  'compass',
  'secretary',
  'publicKey',
  'siteKey',
  'keyAlias',
  'tokenEndpoint',
  'tokenEndpointAuthMethod',
  'tokenEndpointCredentialsEncoding',
  'tokenIntrospectUrl',
  'secretId',
  'passwordResetLink',
  'passwordAttribute',
  'identityPasswordField',
  'userCredential',
  'maxTokenLifeMinutes',
  'authType',
  '',
]

describe('names of secrets', () => {
  for (const name of SECRET) it(`${name} is one`, () => assert.ok(isSecretName(name)))
  for (const name of OPEN) it(`${JSON.stringify(name)} is none`, () => assert.ok(!isSecretName(name)))
  it('costs no more for a long name', () => assert.equal(isSecretName('a_'.repeat(100_000)), false))
})

describe('user info in a text', () => {
  for (const [text, expected] of [
    ['https://svc:canary@idm.example.com/', `https://${STARS}@idm.example.com/`],
    ['https://svc:can/ary?#@idm.example.com/x', `https://${STARS}@idm.example.com/x`],
    ['https://svc:12canary@idm/a', `https://${STARS}@idm/a`],
    ['https://svc:c@nary@idm/a', `https://${STARS}@idm/a`],
    ['https://[::1]:8443/a@b', 'https://[::1]:8443/a@b'],
    ['https://idm:8443/a@b', 'https://idm:8443/a@b'],
    ['https://canary@idm/', `https://${STARS}@idm/`],
    ['no url:// a@b', 'no url:// a@b'],
    ['jdbc:postgresql://a:canary@db:x/?y z', `jdbc:postgresql://${STARS}@db:x/?y z`],
    ['a https://a:b@c and https://d:e@f', `a https://${STARS}@c and https://${STARS}@f`],
    ['https://idm.example.com/a@b', 'https://idm.example.com/a@b'],
    ['a@example.com', 'a@example.com'],
  ] as const)
    it(text, () => assert.equal(hideUserInfo(text), expected))
  it('costs no more for a hostile text', () => {
    const spent = cpuClock()
    hideUserInfo('://'.repeat(6_000))
    hideUserInfo(`://${'a'.repeat(100_000)}`)
    assert.ok(spent() < 200)
  })
})

describe('secrets hidden in a value', () => {
  const hide = { wholeObjects: false }
  it('under names, in envelopes and at places that are secret', () => {
    const value = { a: { apiKey: 'x', b: 1 }, list: [{ pwd: 'x' }], sealed: { $crypto: 1 }, place: ['x'], pinned: [1] }
    const isSecret = (place: readonly string[]) => place.join() === 'place'
    assert.deepEqual(hideSecrets(value, { ...hide, isSecret }), {
      a: { apiKey: STARS, b: 1 },
      list: [{ pwd: STARS }],
      sealed: STARS,
      place: STARS,
      pinned: [1],
    })
  })
  it('each element of a list that has such a name', () => {
    assert.deepEqual(hideSecrets({ apiKeys: ['x', 'y'] }, hide), { apiKeys: [STARS, STARS] })
  })
  it('not the description of a property in a schema, unless whole objects are hidden', () => {
    const schema = { properties: { password: { title: 'Password', type: 'string' } } }
    assert.deepEqual(hideSecrets(schema, hide), schema)
    assert.deepEqual(hideSecrets(schema), { properties: { password: STARS } })
  })
  it('a value that is written as an object', () => {
    assert.deepEqual(hideSecrets({ _password: { '$base64:decode': 'x' } }, hide), { _password: STARS })
  })
  it('leaves what says nothing', () => {
    assert.deepEqual(hideSecrets({ password: null, resetPassword: true }, hide), {
      password: null,
      resetPassword: true,
    })
  })
})
