import assert from 'node:assert/strict'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import {
  decrypt,
  encrypt,
  generateKey,
  hash,
  isEncrypted,
  isHashed,
  KeyRing,
  matches,
  parseKeys,
  readKeys,
} from '../../lib/config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { tempDirWith } from '../helpers/files.ts'

const CANARY = 'canary-7f3a'
const bytes = (from: number, length: number) => Buffer.from(Array.from({ length }, (_, i) => from + i))
const ring = (...ids: string[]) => parseKeys(ids.map((id) => generateKey(id)).join('\n'), 'a test')

const membersOf = (envelope: JsonObject): JsonObject => (envelope.$crypto as JsonObject).value as JsonObject
const withMember = (envelope: JsonObject, name: string, member: Json): JsonObject => ({
  $crypto: { ...(envelope.$crypto as JsonObject), value: { ...membersOf(envelope), [name]: member } },
})

describe('encrypted values: our envelope', () => {
  it('gives back every JSON value', () => {
    const keys = ring('k1')
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as Json
        if (JSON.stringify(json).includes('"__proto__"')) return
        assert.deepEqual(decrypt(JSON.parse(JSON.stringify(encrypt(json, keys))) as Json, keys), json)
      }),
    )
  })

  it('has the documented form, and another iv each time', () => {
    const keys = ring('k1')
    const [first, second] = [encrypt(CANARY, keys), encrypt(CANARY, keys)]
    const { iv, data, tag, ...rest } = membersOf(first)
    assert.deepEqual(rest, { cipher: 'AES/GCM/NoPadding', keyId: 'k1' })
    assert.deepEqual(
      [iv, tag].map((text) => Buffer.from(String(text), 'base64').length),
      [12, 16],
    )
    assert.notEqual(data, membersOf(second).data)
    assert(isEncrypted(first))
    assert(!JSON.stringify(first).includes(CANARY))
  })

  it('rotates: the first key encrypts, all decrypt', () => {
    const [one, two] = [generateKey('one'), generateKey('two')]
    const before = encrypt('x', parseKeys(one, 'a test'))
    const both = parseKeys(`${two}\n${one}`, 'a test')
    assert.equal(decrypt(before, both), 'x')
    assert.equal(membersOf(encrypt('x', both)).keyId, 'two')
    assert.throws(
      () => decrypt(before, parseKeys(two, 'a test')),
      /encrypted with the key "one", and the configured keys are two/,
    )
    assert.throws(() => decrypt(before, new KeyRing([])), /and no key is configured .*IDM_CRYPTO_KEYS/)
  })

  it('refuses whatever was altered, and shows nothing of it', () => {
    const keys = ring('one', 'two')
    const envelope = encrypt(CANARY, keys)
    const flipped = (name: string): string => {
      const altered = Buffer.from(String(membersOf(envelope)[name]), 'base64')
      altered.writeUInt8(altered.readUInt8(0) ^ 1, 0)
      return altered.toString('base64')
    }
    const alterations: JsonObject[] = [
      ...['iv', 'data', 'tag'].map((name) => withMember(envelope, name, flipped(name))),
      withMember(envelope, 'data', ''),
      withMember(envelope, 'keyId', 'two'),
      withMember(envelope, 'keyId', '__proto__'),
      withMember(envelope, 'cipher', 'AES/CBC/PKCS5Padding'),
      withMember(envelope, 'tag', String(membersOf(envelope).tag).slice(0, 8)),
      withMember(envelope, 'tag', 1),
      withMember(envelope, 'iv', CANARY),
      { $crypto: { type: 'x-simple-encryption', value: membersOf(envelope) } },
      { $crypto: { type: 'unknown', value: membersOf(envelope) } },
      { $crypto: CANARY },
    ]
    for (const altered of alterations)
      assert.throws(
        () => decrypt(altered, keys),
        (error: Error) => !inspect(error).includes(CANARY),
        JSON.stringify(altered),
      )
  })

  it('encrypts with nothing less than a key of 32 bytes', () => {
    assert.throws(() => encrypt('x', new KeyRing([])), /first key must be one of 32 bytes/)
    assert.throws(() => encrypt('x', parseKeys(`idm:${bytes(0, 16).toString('hex')}`, 'a test')), /32 bytes/)
  })
})

describe("encrypted values: IDM's envelope", () => {
  const KEYS = {
    16: parseKeys(`openidm-sym-default:${bytes(1, 16).toString('base64')}`, 'a test'),
    32: parseKeys(`openidm-sym-default:${bytes(1, 32).toString('hex')}`, 'a test'),
  }
  const common = { cipher: 'AES/CBC/PKCS5Padding', iv: 'MjM0NTY3ODk6Ozw9Pj9AQQ==' }
  const salt = 'ZGVmZ2hpamtsbW5vcHFycw=='
  const old = { ...common, key: 'openidm-sym-default' }
  const current = { ...common, keySize: 16, purpose: 'idm.config.encryption', stableId: 'openidm-sym-default', salt }
  /** Made by a program of javax.crypto. */
  const rows: readonly (readonly [string, 16 | 32, JsonObject])[] = [
    ['of old', 16, { ...old, data: 'Fqujlevj1/1nGhwW/ui4KnanOLvjM/yPwmIg25vxkqyC74w/Yy/1aYqPl7ls4Buo' }],
    ['of old', 32, { ...old, data: 'cE8VpXIv/Na0XZQNEFWyvMTc3BRiiske79tDOn8aYy852Xmp+88S2p9P4oS7pcin' }],
    [
      'with MAC',
      16,
      {
        ...old,
        data: 'v9ODh4qwdXn76pbUb9jwAal+ZrVrTA1DS7h/4KSoSiFj4ijWwyfjX4apE/m16GrY',
        salt,
        mac: 'lBV/qjjI0gkrEFReywSFtA==',
      },
    ],
    [
      'with MAC',
      32,
      {
        ...old,
        data: 'gBNujOy4op2Mb1AHieYw78og1ikMaKXoM1qgAF99K/NL63a5SH0L0F/oNScka1Xj',
        salt,
        mac: 'mxCDefdeRulC0x760WCZCg==',
      },
    ],
    [
      'with purpose',
      16,
      {
        ...current,
        data: 'v9ODh4qwdXn76pbUb9jwAal+ZrVrTA1DS7h/4KSoSiFj4ijWwyfjX4apE/m16GrY',
        mac: 'KNUKLLyGRiOMPRU8N3k1gA==',
      },
    ],
    [
      'with purpose',
      32,
      {
        ...current,
        data: 'tPVPMf1A/bgJVUJxJeaK6KCX5IxngzDuWFfu6bf4OylDTvfcBSC0tnup1TAl/cGr',
        mac: 'kz4yQ8vX2zj0zwk++MFSgw==',
      },
    ],
  ]
  const envelopeOf = (value: JsonObject): JsonObject => ({ $crypto: { type: 'x-simple-encryption', value } })

  for (const [what, size, value] of rows) {
    it(`reads one ${what}, with a key of ${size} bytes`, () => {
      assert(isEncrypted(envelopeOf(value)))
      assert.deepEqual(decrypt(envelopeOf(value), KEYS[size]), { user: 'svc', password: 'grüß' })
    })

    it(`refuses one ${what} under another key of that name and ${size} bytes`, () => {
      const other = parseKeys(`openidm-sym-default:${bytes(9, size).toString('base64')}`, 'a test')
      assert.throws(() => decrypt(envelopeOf(value), other), /cannot be decrypted with the key "openidm-sym-default"/)
    })
  }

  it('refuses one whose members were altered, another cipher, another key', () => {
    const [, , value = {}] = rows[4] ?? []
    const alterations: JsonObject[] = [
      { purpose: 'other' },
      { keySize: 32 },
      { extra: 1 },
      { salt: common.iv },
      { mac: salt },
    ]
    for (const altered of alterations)
      assert.throws(() => decrypt(envelopeOf({ ...value, ...altered }), KEYS[16]), /was altered/)
    assert.throws(() => decrypt(envelopeOf({ ...value, mac: 'AAAA' }), KEYS[16]), /"mac" must be 16 bytes in base64/)
    assert.throws(
      () => decrypt(envelopeOf({ ...value, cipher: 'AES/ECB/PKCS5Padding' }), KEYS[16]),
      /the cipher must be/,
    )
    assert.throws(() => decrypt(envelopeOf({ ...value, stableId: 'my-new-key' }), KEYS[16]), /the key "my-new-key"/)
    assert.throws(() => decrypt(envelopeOf({ ...old, key: { cipher: 'RSA' } }), KEYS[16]), /"key" must be a text/)
  })
})

describe('keys for encrypted values', () => {
  const [hex, base64, base64url] = (['hex', 'base64', 'base64url'] as const).map((form) =>
    bytes(190, 32).toString(form),
  )

  it('reads base64 and hex, with and without ids, comments, on lines and in a list', () => {
    assert.deepEqual(parseKeys(`# first\n a:${hex} \n\nb:${base64}\r\n`, 'a test').ids, ['a', 'b'])
    assert.deepEqual(parseKeys(`a:${base64url},b:${hex}`, 'a test').ids, ['a', 'b'])
    const [id] = parseKeys(`${hex}`, 'a test').ids
    assert.match(id ?? '', /^[0-9a-f]{8}$/)
    assert.deepEqual(parseKeys(`${base64}`, 'a test').ids, [id])
    assert.equal(parseKeys(`a:${hex}`, 'x').find('a').export().toString('hex'), hex)
  })

  it('says what is wrong and shows nothing', () => {
    const rows: readonly (readonly [string, RegExp])[] = [
      ['', /^keys: holds no key/],
      ['# nothing', /holds no key/],
      [`a:${hex}\nb:${CANARY}`, /^keys: key number 2 is not 32 bytes/],
      [`a:${bytes(0, 31).toString('base64')}`, /key number 1 is not 32 bytes/],
      [`a b:${hex}`, /has an id that is not made of letters/],
      [`a:${hex}\na:${hex}`, /two keys have the id "a"/],
    ]
    for (const [text, message] of rows)
      assert.throws(
        () => parseKeys(text, 'keys'),
        (error: Error) => {
          assert.match(error.message, message)
          return !inspect(error).includes(CANARY) && !inspect(error).includes(String(hex))
        },
      )
  })

  it('prints nothing of a key', () => {
    const keys = parseKeys(`a:${hex}`, 'a test')
    const printed = inspect([keys, keys.first], { depth: 9, showHidden: true }) + JSON.stringify([keys, keys.first])
    for (const form of ['hex', 'base64'] as const) assert(!printed.includes(bytes(190, 32).toString(form)))
  })

  it('takes the environment before the file, and may be without either', async () => {
    const directory = await tempDirWith({ 'crypto.keys': `file:${hex}`, 'other.keys': `other:${hex}`, bad: CANARY })
    const file = join(directory, 'crypto.keys')
    assert.deepEqual(readKeys({ env: { IDM_CRYPTO_KEYS: `env:${hex}` }, file })?.ids, ['env'])
    assert.deepEqual(readKeys({ env: { IDM_CRYPTO_KEYS_FILE: join(directory, 'other.keys') }, file })?.ids, ['other'])
    assert.deepEqual(readKeys({ env: {}, file })?.ids, ['file'])
    assert.equal(readKeys({ env: {}, file: join(directory, 'absent') }), undefined)
    assert.equal(readKeys({ env: {} }), undefined)
    assert.throws(
      () => readKeys({ env: { IDM_CRYPTO_KEYS_FILE: join(directory, 'absent') } }),
      /cannot be read \(ENOENT\)/,
    )
    assert.throws(
      () => readKeys({ env: {}, file: join(directory, 'bad') }),
      (error: Error) => !error.message.includes(CANARY),
    )
  })
})

describe('salted hashes', () => {
  const hashed = (algorithm: string, data: string, config?: JsonObject): JsonObject => ({
    $crypto: { type: 'salted-hash', value: { algorithm, data, ...(config && { config }) } },
  })
  /** Made by a program of java.security. */
  const SHA: readonly (readonly [string, string])[] = [
    ['SHA-256', 'hTrFVgHBMqgjRGcGGCkyNPDZZUwiVjJS59RX1JT1pJcHCAkKCwwNDg8QERITFBUW'],
    ['SHA-384', 'a3cC7POKgQBeGgS5qGBJOvzQ3cz9sxN9XNkG53WTNuAiah4RDkf7yFFWj477BKHeBwgJCgsMDQ4PEBESExQVFg=='],
    [
      'SHA-512',
      '+XRlG6HEA3fGxZWR1x2IEjCzoTQsCRvCRfwMqvDYyFsOBiFQzpcCyQGhkUZ5oZ+Th7dMhloc2QrUJWayGHwmGwcICQoLDA0ODxAREhMUFRY=',
    ],
  ]
  for (const [algorithm, data] of SHA)
    it(`knows ${algorithm} as Java makes it`, async () => {
      assert.equal(await matches('Passw0rd', hashed(algorithm, data)), true)
      assert.equal(await matches('passw0rd', hashed(algorithm, data)), false)
    })

  for (const algorithm of ['SHA-256', 'SHA-384', 'SHA-512', 'PBKDF2', 'SCRYPT'] as const)
    it(`makes and knows ${algorithm}`, async () => {
      const [one, two] = [await hash('grüß', algorithm), await hash('grüß', algorithm)]
      assert(isHashed(one) && !isEncrypted(one))
      assert.notDeepEqual(one, two)
      assert.equal(await matches('grüß', one), true)
      assert.equal(await matches('gruss', one), false)
    })

  it('refuses what it cannot check, or what would cost too much', async () => {
    const scrypt = { hashLength: 32, saltLength: 16, n: 32_768, r: 8, p: 1 }
    const data = Buffer.alloc(48).toString('base64')
    const rows: readonly (readonly [Json, RegExp])[] = [
      [hashed('BCRYPT', data), /"BCRYPT" is not one of/],
      [hashed('__proto__', data), /is not one of/],
      [hashed('SHA-256', 'AAAA'), /too short for/],
      [hashed('SHA-256', '***'), /"data" must be base64/],
      [hashed('SCRYPT', data), /"hashLength" must be a whole number/],
      [hashed('SCRYPT', data, { ...scrypt, n: 2 ** 22 }), /more than 256 MB/],
      [hashed('PBKDF2', data, { hashLength: 32, iterations: 10 ** 9, hmac: 'SHA-256' }), /"iterations" must be/],
      [hashed('PBKDF2', data, { hashLength: 32, iterations: 10, hmac: 'MD5' }), /"hmac" must be/],
      ['x', /is not a salted hash/],
    ]
    for (const [value, message] of rows) await assert.rejects(matches('x', value), message)
    assert.throws(() => decrypt(hashed('SHA-256', data), ring('a')), /cannot be decrypted/)
  })
})
