import assert from 'node:assert/strict'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { encrypt, generateKey, hash, parseKeys } from '../../lib/config/values/crypto/crypto.ts'
import { resolveContent } from '../../lib/config/values/secret-content.ts'
import { checkPermissions } from '../../lib/config/values/secret-permissions.ts'
import { SecretStores } from '../../lib/config/values/secret-stores/secret-stores.ts'
import { ValueSources } from '../../lib/config/values/substitution/value-sources.ts'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { tempDirWith } from '../helpers/files.ts'

const FILE = 'conf/external.idm-eu.json'
const keys = parseKeys(generateKey('k1'), 'a test')

async function resolvers(env: Record<string, string> = {}) {
  const store = {
    class: 'FileSystemStore',
    config: { directory: 'secrets', mappings: [{ secretId: 'idm.remote.eu' }] },
  }
  const projectDir = await tempDirWith({
    'conf/secrets.json': { stores: [store] },
    'secrets/idm.remote.eu': { user: 'svc', password: '&{HOME} stays' },
  })
  const sources = new ValueSources({ projectDir, env })
  await sources.load()
  const purposes = new SecretStores({ projectDir, sources })
  await purposes.load()
  return { sources, purposes, keys }
}

describe('content of a configuration object', () => {
  it('resolves expressions, purposes and envelopes wherever they stand', async () => {
    const given = await resolvers({
      HOST: 'eu.example.com',
      SEALED: JSON.stringify(encrypt('sealed', keys)),
      PURPOSE: 'idm.remote.eu',
    })
    const content: JsonObject = {
      instanceUrl: 'https://&{host}/openidm/',
      maxConnections: { $int: '&{max|64}' },
      password: { $purpose: { name: '&{purpose}', jsonPointer: '/password' } },
      clientSecret: encrypt('&{host} stays', keys),
      proxy: { password: { $object: '&{sealed}' } },
      list: [{ $purpose: { name: 'idm.remote.eu', jsonPointer: '/user' } }],
    }
    const before = structuredClone(content)
    assert.deepEqual(resolveContent(content, FILE, given), {
      instanceUrl: 'https://eu.example.com/openidm/',
      maxConnections: 64,
      password: '&{HOME} stays',
      clientSecret: '&{host} stays',
      proxy: { password: 'sealed' },
      list: ['svc'],
    })
    assert.deepEqual(content, before)
  })

  it('leaves salted hashes, and what only resembles a reference', async () => {
    const content = {
      password: await hash('x', 'SHA-256'),
      a: { $crypto: 'text' },
      b: { $purpose: { name: 'x' }, other: 1 },
      c: { $crypto: { type: 'x', value: {} }, other: 1 },
    }
    assert.deepEqual(resolveContent(content, FILE, await resolvers()), content)
  })

  it('says in one sentence what is wrong and where', async () => {
    const given = await resolvers()
    const sealed = encrypt('canary', keys)
    const rows: readonly (readonly [Json, object, RegExp])[] = [
      ['&{nothing}', given, /: a\.b: &\{nothing\} has no value; looked in: /],
      [{ $purpose: { name: 'nothing' } }, given, /: a\.b: purpose "nothing": no store in /],
      [{ $purpose: 'nothing' }, given, /: a\.b: "\$purpose" must be an object/],
      [{ $purpose: { name: 'x', jsonPointer: 1 } }, given, /: a\.b: "\$purpose" must be an object/],
      [{ $purpose: { name: 'x' } }, { sources: given.sources }, /: a\.b: purpose "x": there are no secret stores/],
      [sealed, { sources: given.sources }, /: a\.b: is encrypted with the key "k1", and no key is configured/],
      [sealed, { ...given, keys: parseKeys(generateKey('k1'), 'x') }, /: a\.b: cannot be decrypted with the key "k1"/],
    ]
    for (const [value, options, message] of rows)
      assert.throws(
        () => resolveContent({ a: { b: value } }, FILE, { ...given, keys: undefined, purposes: undefined, ...options }),
        (error: Error) => {
          assert.match(error.message, message)
          assert(error.message.startsWith(FILE))
          return !inspect(error).includes('canary')
        },
      )
  })

  it('opens a bound envelope at its place only', async () => {
    const parts = {
      ...(await resolvers()),
      placeOf: (pointer: readonly string[]) => ({ id: 'a', pointer, addresses: [] }),
    }
    const password = encrypt('canary', keys, parts.placeOf(['password']))
    const nested = encrypt(encrypt('older', keys), keys, parts.placeOf(['older']))
    assert.deepEqual(resolveContent({ password, older: nested }, FILE, parts), { password: 'canary', older: 'older' })
    assert.throws(() => resolveContent({ userName: password }, FILE, parts), {
      message: /userName: was encrypted for another place in the configuration, and opens nowhere else$/,
    })
  })

  it('keeps names of the prototype harmless', async () => {
    const content = JSON.parse('{"__proto__":{"$purpose":{"name":"idm.remote.eu"}}}') as JsonObject
    const result = resolveContent(content, FILE, await resolvers())
    assert.equal(Object.getPrototypeOf(result), Object.prototype)
  })
})

describe('permissions of files that hold secrets', () => {
  it('warns when others can read or change', async function () {
    if (process.platform === 'win32') this.skip()
    const file = join(await tempDirWith({ secret: 'x' }), 'secret')
    for (const [mode, expected] of [
      [0o600, undefined],
      [0o640, undefined],
      [0o644, /holds secrets, and every user of this machine can read it; run: chmod o-rwx/],
      [0o666, /can read and change it/],
      [0o602, /can change it/],
    ] as const) {
      await chmod(file, mode)
      const warning = checkPermissions(file)
      if (expected) assert.match(warning ?? '', expected)
      else assert.equal(warning, undefined)
    }
    assert.equal(checkPermissions(`${file}.absent`), undefined)
  })
})
