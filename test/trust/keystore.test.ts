import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { Secret } from '../../lib/core/secret.ts'
import { readCertificates, readPrivateKeys } from '../../lib/trust/keystore.ts'
import { KeystoreError, type KeystoreFault } from '../../lib/trust/keystore-error.ts'
import { formatOf } from '../../lib/trust/keystore-format.ts'

const STORES = join(import.meta.dirname, '../fixtures/keystores')
const PASSWORD = 'changeit'

const open = async (name: string, password: string | Secret = PASSWORD) => ({
  file: `security/${name}`,
  bytes: await readFile(join(STORES, name)),
  password,
})

const fingerprintOf = async (name: string) => new X509Certificate(await readFile(join(STORES, name))).fingerprint256

const isFault = (fault: KeystoreFault, file: string) => (error: unknown) => {
  assert(error instanceof KeystoreError, String(error))
  assert.equal(error.fault, fault, error.message)
  assert(error.message.startsWith(`security/${file}: `), error.message)
  return true
}

describe('keystores: certificates', () => {
  for (const name of [
    'keytool.p12',
    'keytool-legacy.p12',
    'keytool-unprotected.p12',
    'keytool.jks',
    'openssl.p12',
    'openssl-legacy.p12',
  ])
    it(`reads ${name}, an RSA and an EC authority, to the byte`, async () => {
      const found = await readCertificates(await open(name))
      assert.deepEqual(
        found.map(({ certificate }) => certificate.fingerprint256).sort(),
        [await fingerprintOf('ca.pem'), await fingerprintOf('ca-ec.pem')].sort(),
      )
      const aliases = found.map(({ alias }) => alias).sort()
      assert.deepEqual(aliases, name.startsWith('openssl') ? [undefined, undefined] : ['example-ca', 'example-ec-ca'])
    })

  it('takes the password as a Secret', async () => {
    assert.equal((await readCertificates(await open('keytool.p12', new Secret(PASSWORD)))).length, 2)
  })

  for (const name of ['empty.p12', 'empty.jks'])
    it(`reads ${name} as a store without certificates`, async () => {
      assert.deepEqual(await readCertificates(await open(name)), [])
    })

  it('includes the certificates of key entries', async () => {
    for (const name of ['client.p12', 'client.jks', 'client-ec-openssl.p12'])
      assert.equal((await readCertificates(await open(name))).length, 2, name)
  })
})

describe('keystores: private keys', () => {
  for (const [name, alias, kind] of [
    ['client.p12', 'client', 'rsa'],
    ['client.jks', 'client', 'rsa'],
    ['client-ec-openssl.p12', undefined, 'ec'],
  ] as const)
    it(`reads the key of ${name} with its chain`, async () => {
      const [entry, ...others] = await readPrivateKeys(await open(name))
      assert.deepEqual(others, [])
      assert.equal(entry?.alias, alias)
      assert.equal(entry?.key.asymmetricKeyType, kind)
      assert(entry?.chain[0]?.checkPrivateKey(entry.key))
      assert.equal(entry.chain[1]?.fingerprint256, await fingerprintOf(kind === 'ec' ? 'ca-ec.pem' : 'ca.pem'))
      assert.equal(entry.chain.length, 2)
    })

  it('finds none in a trust store', async () => {
    for (const name of ['keytool.p12', 'keytool.jks']) assert.deepEqual(await readPrivateKeys(await open(name)), [])
  })
})

describe('keystores: what cannot be read', () => {
  const canary = 'canary-password'

  for (const name of ['keytool.p12', 'keytool-legacy.p12', 'openssl.p12', 'keytool.jks', 'client.p12', 'client.jks'])
    it(`says that the password of ${name} is wrong, without repeating it`, async () => {
      for (const read of [readCertificates, readPrivateKeys])
        for (const password of [canary, ''])
          await assert.rejects(read(await open(name, password)), (error: KeystoreError) => {
            assert(!`${error.stack}${JSON.stringify(error)}`.includes(canary))
            return isFault('password', name)(error)
          })
    })

  it('says that JCEKS cannot be read, and how to convert it', async () => {
    await assert.rejects(readCertificates(await open('keytool.jceks')), isFault('unsupported', 'keytool.jceks'))
    await assert.rejects(readCertificates(await open('keytool.jceks')), /JCEKS .*keytool -importkeystore .* PKCS12/)
  })

  it('says that a symmetric key cannot be read', async () => {
    await assert.rejects(readPrivateKeys(await open('secret-key.p12')), isFault('unsupported', 'secret-key.p12'))
  })

  it('says that other content is not a keystore', async () => {
    for (const name of ['ca.pem', 'README.md'])
      await assert.rejects(readCertificates(await open(name)), isFault('corrupt', name))
  })

  for (const name of ['keytool.p12', 'openssl.p12', 'keytool.jks', 'keytool-unprotected.p12'])
    it(`meets every damage to ${name} with an error of its own kind`, async () => {
      const source = await open(name)
      const damages = fc.oneof(
        fc.nat(source.bytes.length - 1).map((length) => source.bytes.subarray(0, length)),
        fc.tuple(fc.nat(source.bytes.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, difference]) => {
          const bytes = Buffer.from(source.bytes)
          bytes.writeUInt8(bytes.readUInt8(at) ^ difference, at)
          return bytes
        }),
      )
      await fc.assert(
        fc.asyncProperty(damages, async (bytes) => {
          const outcome = await readCertificates({ ...source, bytes }).catch((error: unknown) => error)
          assert(Array.isArray(outcome) || outcome instanceof KeystoreError, String(outcome))
        }),
        { numRuns: 60 },
      )
    })

  it('prints nothing, not even with DEBUG=*', async () => {
    const script = `
      import { readCertificates } from './lib/trust/keystore.ts'
      import { readFileSync } from 'node:fs'
      for (const name of ['keytool.p12', 'keytool.jks', 'secret-key.p12'])
        for (const password of ['changeit', 'wrong'])
          await readCertificates({ file: name, bytes: readFileSync('test/fixtures/keystores/' + name), password }).catch(() => {})`
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, DEBUG: '*', NODE_NO_WARNINGS: '1' },
    })
    assert.equal(stdout + stderr, '')
  })
})

describe('keystores: format by content', () => {
  for (const [name, format] of [
    ['keytool.p12', 'PKCS12'],
    ['keytool-legacy.p12', 'PKCS12'],
    ['empty.p12', 'PKCS12'],
    ['openssl.p12', 'PKCS12'],
    ['keytool.jks', 'JKS'],
    ['keytool.jceks', 'JCEKS'],
    ['ca.pem', 'PEM'],
    ['README.md', undefined],
  ] as const)
    it(`takes ${name} for ${format}`, async () => {
      assert.equal(formatOf(await readFile(join(STORES, name))), format)
    })

  it('tells a certificate from a store', async () => {
    assert.equal(formatOf(new X509Certificate(await readFile(join(STORES, 'ca.pem'))).raw), 'DER')
  })

  it('tells an emptied bundle from a file that is being written', () => {
    assert.equal(formatOf(Buffer.from('# nothing here\n\n# any more\n')), 'PEM')
    assert.equal(formatOf(Buffer.from('')), undefined)
    assert.equal(formatOf(Buffer.from('not a bundle')), undefined)
  })
})
