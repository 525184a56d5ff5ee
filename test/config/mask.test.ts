import assert from 'node:assert/strict'
import { isMask, maskSecrets, restoreSecrets } from '../../lib/config/mask.ts'
import type { Json, JsonObject } from '../../lib/contract.ts'

const FIELDS = [['password'], ['http', 'proxy', 'password']]
const shown = (password: Json): Json | undefined => maskSecrets({ password }, FIELDS).password

describe('config: masked secrets', () => {
  for (const secret of [
    's3cret',
    'x&{a}',
    '&{a}x',
    '&{a|s3cret}',
    '&{',
    '********',
    7,
    true,
    ['s3cret'],
    { a: 's3cret' },
  ]) {
    it(`masks ${JSON.stringify(secret)}`, () => assert.ok(isMask(shown(secret))))
  }
  it('masks an object that only begins like a reference', () => {
    assert.ok(isMask(shown({ $purpose: { name: 'a' }, x: 's3cret' })))
    assert.ok(isMask(shown({ '$base64:decode': 's3cret' })))
    assert.ok(isMask(shown({ $purpose: 's3cret' })))
  })

  const references: Json[] = [
    '&{remote.eu.password}',
    '&{a}&{b}',
    '&{a.&{stage}}',
    { '$base64:decode': '&{a}' },
    { $object: '&{a}' },
    { $purpose: { name: 'idm.remote.eu', jsonPointer: '/password' } },
    { $crypto: { type: 'x-simple-encryption', value: { data: 'AbCd' } } },
    null,
    '',
  ]
  for (const value of references) {
    it(`shows ${JSON.stringify(value)} as it is`, () => assert.deepEqual(shown(value), value))
  }

  it('looks like an encrypted value of the vendor, and always the same', () => {
    const mask = shown('a') as { $crypto: { type: string; value: JsonObject } }
    assert.equal(mask.$crypto.type, 'x-simple-encryption')
    assert.equal(mask.$crypto.value.data, '********')
    assert.deepEqual(mask, shown('b'))
  })

  it('leaves the rest, and the given object, as they are', () => {
    const content = { a: 1, http: { proxy: { password: 's3cret', host: 'h' } } }
    const masked = maskSecrets(content, FIELDS)
    assert.deepEqual(restoreSecrets(masked, content, FIELDS), content)
    assert.equal(content.http.proxy.password, 's3cret')
    assert.ok(!JSON.stringify(masked).includes('s3cret'))
  })

  it('a mask stands only for what is stored at its place', () => {
    const mask = shown('s3cret') ?? null
    assert.throws(() => restoreSecrets({ password: mask }, {}, FIELDS), {
      code: 400,
      message: /^\/password: a masked secret/,
    })
    assert.throws(() => restoreSecrets({ userName: mask }, { password: 's3cret' }, FIELDS), { message: /^\/userName:/ })
    assert.throws(() => restoreSecrets({ list: [{ a: mask }] }, { password: 's3cret' }, FIELDS), {
      message: /^\/list\/0\/a:/,
    })
  })
})
