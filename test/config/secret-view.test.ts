import assert from 'node:assert/strict'
import { SecretView } from '../../lib/config/rest/secret-view.ts'
import {
  encrypt,
  generateKey,
  isBound,
  isEncrypted,
  type KeyRing,
  parseKeys,
} from '../../lib/config/values/crypto/crypto.ts'
import { isReference } from '../../lib/config/values/mask.ts'
import { resolveContent } from '../../lib/config/values/secret-content.ts'
import { addressesOf, placeIn, rulesFor } from '../../lib/config/values/secret-place.ts'
import { ValueSources } from '../../lib/config/values/substitution/value-sources.ts'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { STARS } from '../../lib/core/hidden-secrets.ts'

const EU = 'external.idm/eu'
const rules = rulesFor(
  'external.idm',
  () => ['password', 'clientSecret', 'proxy/password'],
  () => ['instanceUrl', 'tokenEndpoint', 'proxy/proxyUri'],
)
const CONTENT = { instanceUrl: 'https://a/', userName: 'svc', password: 'canary' }
const localKeys = parseKeys(generateKey('local'), 'a test')
const keys = parseKeys(generateKey('k1'), 'a test')

const viewWith = (atRest?: KeyRing) =>
  new SecretView({ atRest: () => atRest, shown: () => (atRest ? atRest.with(localKeys) : localKeys) })
const change = (stored: JsonObject | undefined, id = EU) => ({ id, rules, stored })
const readable = (text: unknown): boolean => JSON.stringify(text).includes('canary')

/** What the owner of the object would get. */
const opened = (content: JsonObject): JsonObject =>
  resolveContent(content, 'a file', {
    sources: new ValueSources({ projectDir: '/', env: {} }),
    keys: keys.with(localKeys),
    placeOf: placeIn(EU, addressesOf(content, rules)),
  })

describe('config: secrets as they are shown', () => {
  const view = viewWith()
  const shown = (password: Json): Json | undefined => view.show(EU, { password }, rules).password

  for (const secret of ['s3cret', 'x&{a}', '&{a}x', '&{a|s3cret}', '&{', STARS, 7, true, ['s3cret'], { a: 's3cret' }])
    it(`an envelope for ${JSON.stringify(secret)}`, () => assert.ok(isBound(shown(secret))))
  it('an envelope for an object that only begins like a reference', () => {
    const values: Json[] = [{ $purpose: { name: 'a' }, x: 's' }, { '$base64:decode': 's' }, { $purpose: 's' }]
    for (const value of values) assert.ok(isBound(shown(value)))
  })

  const references: Json[] = [
    '&{remote.eu.password}',
    '&{a}&{b}',
    '&{a.&{stage}}',
    { '$base64:decode': '&{a}' },
    { $object: '&{a}' },
    { $purpose: { name: 'idm.remote.eu', jsonPointer: '/password' } },
    { $crypto: { type: 'salted-hash', value: { algorithm: 'SHA-256', data: 'AbCd' } } },
    null,
    '',
  ]
  for (const value of references) {
    it(`${JSON.stringify(value)} as it is`, () => {
      assert.deepEqual(shown(value), value)
      assert.deepEqual(view.restore({ password: value }, change({ password: 'before' })), { password: value })
    })
  }
  it('references are told by what they are', () => assert.ok(!isReference('a &{b}')))

  const looks: JsonObject = {
    _password: 'canary',
    passwrod: 'canary',
    PASSWORD: 'canary',
    inner: { apiKey: 'canary', list: [{ pwd: 'canary' }], pins: ['canary'] },
    url: 'https://svc:canary@[',
    sealed: encrypt('canary', keys),
    _parked: { _clientSecret: { '$base64:decode': 'canary' } },
  }
  it('whatever looks like one, parked and misspelt ones too, and put back as it is', () => {
    const seen = view.show(EU, looks, rules)
    assert.ok(!readable(seen))
    assert.equal(seen.url, `https://${STARS}@[`)
    assert.notDeepEqual(seen.sealed, looks.sealed)
    assert.deepEqual(view.restore(seen, change(looks)), looks)
  })
  it('not the description of a property', () => {
    const schema = { properties: { password: { title: 'Password', minLength: 8 } } }
    assert.deepEqual(view.show('managed', schema, rules), schema)
  })
  it('the same as long as nobody writes', () => {
    const one = shown('canary')
    assert.deepEqual(shown('canary'), one)
    view.forget(EU)
    assert.notDeepEqual(shown('canary'), one)
  })
  it('a value that is bound at rest is shown as it is', () => {
    const content = {
      ...CONTENT,
      password: encrypt('canary', keys, placeIn(EU, addressesOf(CONTENT, rules))(['password'])),
    }
    assert.deepEqual(viewWith(keys).show(EU, content, rules), content)
  })
})

for (const [title, atRest] of [
  ['without keys', undefined],
  ['with keys', keys],
] as const)
  describe(`config: secrets that are put back, ${title}`, () => {
    const view = viewWith(atRest)
    const refused = (given: JsonObject, stored: JsonObject | undefined, message: RegExp, id = EU) =>
      assert.throws(
        () => view.restore(given, change(stored, id)),
        (error: Error & { code: number }) => {
          assert.equal(error.code, 400)
          assert.match(error.message, message)
          assert.ok(!readable(error.message))
          return true
        },
      )
    const seen = view.show(EU, CONTENT, rules)

    it('stand for what is stored, and for the same after a deletion', () => {
      for (const stored of [CONTENT, undefined]) assert.deepEqual(opened(view.restore(seen, change(stored))), CONTENT)
    })
    it('another gateway with the same keys opens them', () => {
      const other = viewWith(atRest)
      assert.deepEqual(opened(other.restore(seen, change(undefined))), CONTENT)
    })
    it('open in no other object, field or address', () => {
      const password = seen.password ?? null
      const elsewhere =
        /opens only where it was read.*; give the secret itself or an expression such as &\{my\.secret\}/
      refused(seen, undefined, elsewhere, 'external.idm/us')
      refused({ ...CONTENT, userName: password }, CONTENT, /\/userName: the encrypted value/)
      refused({ ...CONTENT, clientSecret: password }, undefined, /\/clientSecret: /)
      refused({ list: [{ deep: password }] }, CONTENT, /\/list\/0\/deep: /)
      refused({ ...seen, instanceUrl: 'https://evil/' }, undefined, elsewhere)
    })
    for (const [field, changed] of [
      ['/instanceUrl', { instanceUrl: 'https://evil/' }],
      ['/tokenEndpoint', { tokenEndpoint: 'https://evil/' }],
      ['/proxy/proxyUri', { proxy: { proxyUri: 'http://evil/' } }],
    ] as const)
      it(`follow no new ${field}, in whatever form they are put back`, () => {
        for (const password of [seen.password ?? null, STARS]) {
          const given = { ...CONTENT, password, ...changed }
          refused(
            given,
            CONTENT,
            new RegExp(
              `^The configuration external.idm/eu is not stored: /password: must be given again in the same request, since ${field} changes`,
            ),
          )
        }
        const given = { ...CONTENT, ...changed }
        assert.deepEqual(opened(view.restore(given, change(CONTENT))), given)
      })
    it('follow no address inside an expression for a whole object', () => {
      const proxy: JsonObject = { $object: '&{none|{"proxyUri":"http://evil/"}}' }
      const given = { ...CONTENT, password: seen.password ?? null, proxy }
      refused(given, CONTENT, /\/password: must be given again in the same request, since \/proxy\/proxyUri changes/)
    })
    it('an expression that a patch leaves alone does not follow either', () => {
      const stored = { ...CONTENT, password: '&{pw}' }
      const moved = { ...stored, instanceUrl: 'https://evil/' }
      assert.throws(() => view.restore(moved, { ...change(stored), isGiven: () => false }), {
        message: /\/password: must be/,
      })
      assert.deepEqual(view.restore(moved, change(stored)), moved)
    })
    it('stay when an address is taken away', () => {
      const stored = { ...CONTENT, proxy: { proxyUri: 'http://p/' } }
      const { proxy: _, ...given } = view.show(EU, stored, rules)
      assert.deepEqual(opened(view.restore(given, change(stored))), CONTENT)
    })
    it('stars mean: keep what is stored', () => {
      assert.deepEqual(opened(view.restore({ ...CONTENT, password: STARS }, change(CONTENT))), CONTENT)
      refused(
        { password: STARS },
        undefined,
        /\/password: nothing is stored here that stars could stand for; give the secret/,
      )
      const mask = { $crypto: { type: 'x-simple-encryption', value: { data: STARS } } }
      assert.deepEqual(opened(view.restore({ ...CONTENT, password: mask }, change(CONTENT))), CONTENT)
      refused({ userName: mask }, { password: 'canary' }, /\/userName: /)
    })
    it('stars in a URL mean: keep it, at the same address', () => {
      const stored = { a: 'x https://svc:canary@host/ y' }
      assert.deepEqual(view.restore({ a: `x https://${STARS}@host/ z` }, change(stored)), {
        a: 'x https://svc:canary@host/ z',
      })
      refused({ a: `https://${STARS}@evil/` }, stored, /\/a: the user name and password of the URL have to be given/)
    })
    it('an envelope of an older kind is taken from the file alone', () => {
      const old = encrypt('canary', keys)
      refused({ ...CONTENT, password: old }, CONTENT, /\/password: an encrypted value of an older kind/)
      refused(
        { ...CONTENT, userName: old },
        { ...CONTENT, password: old },
        /\/userName: an encrypted value of an older/,
      )
    })
    it('every secret that has to be given is named', () => {
      refused({ password: STARS, clientSecret: STARS }, undefined, /\/password: .*; \/clientSecret: /)
    })
  })

describe('config: secrets as they are stored', () => {
  const view = viewWith(keys)
  const kinds: [title: string, password: Json][] = [
    ['clear text', 'canary'],
    ['an envelope that is bound to no place', encrypt('canary', keys)],
    [
      'an envelope of another key',
      encrypt('canary', localKeys, placeIn(EU, addressesOf(CONTENT, rules))(['password'])),
    ],
  ]
  for (const [title, password] of kinds)
    it(`${title} becomes an envelope that is bound to its place`, () => {
      const stored = { ...CONTENT, password }
      const written = view.restore(view.show(EU, stored, rules), change(stored))
      assert.ok(isBound(written.password))
      assert.deepEqual(opened(written), CONTENT)
      assert.deepEqual(view.restore(view.show(EU, written, rules), change(written)), written)
    })
  it('an envelope in another field keeps being one', () => {
    const stored = { globals: { x: encrypt('canary', keys) } }
    const written = view.restore(view.show('endpoint/a', stored, rules), change(stored, 'endpoint/a'))
    assert.ok(isBound((written.globals as JsonObject).x))
    const imported = view.restore(view.show('endpoint/a', written, rules), change(undefined, 'endpoint/a'))
    assert.deepEqual(imported, written)
  })
  it('what cannot be opened is kept as it is', () => {
    const foreign = encrypt('canary', parseKeys(generateKey('foreign'), 'a test'))
    const stored = { ...CONTENT, password: foreign }
    const seen = view.show(EU, stored, rules)
    for (const before of [stored, undefined]) assert.deepEqual(view.restore(seen, change(before)).password, foreign)
  })
  it('clear text of fields that are not declared stays', () => {
    const stored = { _password: 'canary' }
    assert.deepEqual(view.restore(view.show(EU, stored, rules), change(stored)), stored)
    const imported = view.restore(view.show(EU, stored, rules), change(undefined))
    assert.ok(isEncrypted(imported._password))
  })
})
