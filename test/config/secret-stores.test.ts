import assert from 'node:assert/strict'
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SecretStores } from '../../lib/config/values/secret-stores/secret-stores.ts'
import { ValueSources } from '../../lib/config/values/substitution/value-sources.ts'
import type { Json } from '../../lib/contract.ts'
import { readPrivateKeys } from '../../lib/trust/keystore.ts'
import { tempDirWith, writeFiles } from '../helpers/files.ts'

const KEYSTORES = join(import.meta.dirname, '../fixtures/keystores')
const PACKAGE = 'org.forgerock.openidm.secrets.config'
const mapped = (...secretIds: string[]) => secretIds.map((secretId) => ({ secretId, types: ['GENERIC'] }))
const fileStore = (config: object, name = 'volume') => ({
  name,
  class: `${PACKAGE}.FileSystemStore`,
  config: { directory: '&{idm.install.dir}/secrets', format: 'PLAIN', ...config },
})

async function storesOf(
  stores: unknown,
  files: Readonly<Record<string, unknown>> = {},
  env: Record<string, string> = {},
) {
  const projectDir = await tempDirWith({ ...files, 'conf/secrets.json': { stores, populateDefaults: true } })
  const sources = new ValueSources({ projectDir, env })
  await sources.load()
  const secrets = new SecretStores({ projectDir, sources, readKeystore: readPrivateKeys })
  await secrets.load()
  return { projectDir, sources, secrets }
}

const canary = 'canary-7f3a'
const refusal = (resolve: () => Json): string => {
  try {
    resolve()
  } catch (error) {
    assert(error instanceof Error)
    assert(!`${error.message}${error.cause}`.includes(canary), error.message)
    return error.message
  }
  return assert.fail('nothing was thrown')
}

describe('secret stores: filesystem', () => {
  const formats: readonly (readonly [string, string | Buffer, string])[] = [
    ['PLAIN', 'Passw0rd\n', 'Passw0rd'],
    ['PLAIN', ' spaces \r\n', ' spaces '],
    ['BASE64', `${Buffer.from('grüß?>').toString('base64')}\n`, 'grüß?>'],
    ['BASE64URL', Buffer.from('grüß?>').toString('base64url'), 'grüß?>'],
    [
      'PEM',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    ],
  ]
  for (const [format, content, expected] of formats)
    it(`${format} ${JSON.stringify(expected.slice(0, 12))}`, async () => {
      const { secrets } = await storesOf([fileStore({ format, mappings: mapped('idm.remote.eu') })], {
        'secrets/idm.remote.eu': content,
      })
      assert.equal(secrets.resolve('idm.remote.eu'), expected)
    })

  it('a mapping may have a format of its own', async () => {
    const mappings = [...mapped('a'), { secretId: 'b', types: ['GENERIC'], format: 'BASE64' }]
    const { secrets } = await storesOf([fileStore({ mappings })], { 'secrets/a': 'YQ==', 'secrets/b': 'YQ==' })
    assert.deepEqual([secrets.resolve('a'), secrets.resolve('b')], ['YQ==', 'a'])
  })

  it('picks a member of a secret that is JSON', async () => {
    const secret = { user: 'svc', password: 'x', nested: { 'a/b': [1, 2] } }
    const { secrets } = await storesOf([fileStore({ mappings: mapped('a') })], { 'secrets/a': secret })
    assert.equal(secrets.resolve('a', '/password'), 'x')
    assert.equal(secrets.resolve('a', 'nested/a%2Fb/1'), 2)
    assert.match(
      refusal(() => secrets.resolve('a', '/absent')),
      /purpose "a": the secret has no member at \/absent$/,
    )
    for (const pointer of ['/__proto__', '/constructor/name', '/toString']) refusal(() => secrets.resolve('a', pointer))
  })

  it('the highest version counts, in numbers', async () => {
    const files = {
      'secrets/a.v1': '1',
      'secrets/a.v9': '9',
      'secrets/a.v10': '10',
      'secrets/a.vx': 'x',
      'secrets/b': 'plain',
    }
    const { secrets } = await storesOf([fileStore({ versionSuffix: '.v', mappings: mapped('a', 'b') })], files)
    assert.deepEqual([secrets.resolve('a'), secrets.resolve('b')], ['10', 'plain'])
  })

  it('the first store that has the secret counts', async () => {
    const stores = [
      fileStore({ directory: 'one', mappings: mapped('a', 'b') }, 'first'),
      fileStore({ directory: 'two', mappings: mapped('a', 'b') }, 'second'),
    ]
    const { secrets } = await storesOf(stores, { 'one/a': '1', 'two/a': '2', 'two/b': '2' })
    assert.deepEqual([secrets.resolve('a'), secrets.resolve('b')], ['1', '2'])
  })

  it('says what is wrong, without the secret', async () => {
    const ids = ['../canary', 'absent', 'binary', 'not.base64', 'not.json']
    const mappings = [...mapped(...ids), { secretId: 'not.base64', format: 'BASE64' }].filter(
      (mapping) => mapping.secretId !== 'not.base64' || 'format' in mapping,
    )
    const { projectDir, secrets } = await storesOf([fileStore({ mappings })], {
      canary,
      'secrets/binary': Buffer.from([0xff, 0xfe, 0xfd]),
      'secrets/not.base64': `${canary}*`,
      'secrets/not.json': `{"password": ${canary}`,
    })
    const message = (name: string, pointer?: string) => refusal(() => secrets.resolve(name, pointer))
    assert.match(message('../canary'), /^purpose "\.\.\/canary": store "volume": its name is not a valid file name$/)
    assert.match(message('absent'), /there is no such secret in "volume"$/)
    assert.match(message('binary'), /secrets\/binary: is not UTF-8 text$/)
    assert.match(message('not.base64'), /is not BASE64$/)
    assert.match(message('not.json', '/password'), /the secret is not a JSON object/)
    assert.equal(
      message('other'),
      `purpose "other": no store in ${projectDir}/conf/secrets.json has a mapping with this secretId`,
    )
    assert.match(message('__proto__'), /no store/)
  })
})

describe('secret stores: properties and key stores', () => {
  it('reads values of the same name', async () => {
    const stores = [
      { name: 'p', class: `${PACKAGE}.PropertyBasedStore`, config: { mappings: mapped('idm.remote.eu', 'absent') } },
    ]
    const { secrets } = await storesOf(
      stores,
      { 'resolver/boot.properties': 'idm.remote.eu=&{part}-two' },
      { PART: 'one' },
    )
    assert.equal(secrets.resolve('idm.remote.eu'), 'one-two')
    assert.match(
      refusal(() => secrets.resolve('absent')),
      /no such secret/,
    )
  })

  it('reads PEM that was put on one line', async () => {
    const config = { format: 'PEM', algorithm: 'RSA', mappings: mapped('idm.pem') }
    const stores = [{ name: 'p', class: `${PACKAGE}.PropertyBasedStore`, config }]
    const { secrets } = await storesOf(
      stores,
      {},
      { IDM_PEM: '-----BEGIN RSA PRIVATE KEY-----\\nAAAA\\n-----END RSA PRIVATE KEY-----\\n' },
    )
    assert.equal(secrets.resolve('idm.pem'), '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n')
  })

  for (const [file, className] of [
    ['client.p12', 'KeyStoreSecretStore'],
    ['client.jks', 'FileBasedStore'],
  ] as const)
    it(`reads the key in ${file} by the first alias that is there`, async () => {
      const mappings = [{ secretId: 'tls.key', types: ['SIGN'], aliases: ['next', { alias: 'Client' }] }]
      const config = {
        file: 'security/store',
        storetype: 'PKCS12',
        storePassword: '&{openidm.keystore.password|changeit}',
        mappings,
      }
      const { projectDir, secrets } = await storesOf([{ name: 'keys', class: `${PACKAGE}.${className}`, config }])
      assert.match(
        refusal(() => secrets.resolve('tls.key')),
        /store "keys": .*security\/store cannot be read \(ENOENT\)$/,
      )
      await mkdir(join(projectDir, 'security'))
      await copyFile(join(KEYSTORES, file), join(projectDir, 'security/store'))
      await secrets.load()
      assert.match(String(secrets.resolve('tls.key')), /^-----BEGIN PRIVATE KEY-----/)
    })

  it("passes over IDM's JCEKS store until somebody needs it", async () => {
    const keyStore = (name: string, file: string, mappings: unknown[]) => ({
      name,
      class: `${PACKAGE}.KeyStoreSecretStore`,
      config: { file: join(KEYSTORES, file), storePassword: canary, mappings },
    })
    const stores = [
      keyStore('mainKeyStore', 'keytool.jceks', [
        { secretId: 'idm.default', types: ['ENCRYPT'], aliases: ['openidm-sym-default'] },
      ]),
      keyStore('mainTrustStore', 'keytool.jks', []),
      fileStore({ mappings: mapped('a') }),
    ]
    const { secrets } = await storesOf(stores, { 'secrets/a': 'x' })
    assert.equal(secrets.resolve('a'), 'x')
    assert.match(
      refusal(() => secrets.resolve('idm.default')),
      /store "mainKeyStore": .*JCEKS cannot be read/,
    )
  })
})

describe('secret stores: conf/secrets.json', () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['no array', {}, /secrets\.json: stores: must be an array$/],
    ['a store without class', [{ config: { mappings: mapped('a') } }], /secrets\.json: class: must be a text$/],
    [
      'an unknown class',
      [{ class: 'x.HsmBasedStore', config: { mappings: mapped('a') } }],
      /its class must be FileSystemStore, /,
    ],
    [
      'an unknown format',
      [fileStore({ format: 'JWT', mappings: mapped('a') })],
      /format: must be one of PLAIN, PEM, BASE64, BASE64URL/,
    ],
    [
      'an encryption key',
      [fileStore({ encryptionKey: 'idm.default', mappings: mapped('a') })],
      /encryptionKey: is not supported/,
    ],
    [
      'an absent directory',
      [fileStore({ directory: 'absent', mappings: mapped('a') })],
      /absent cannot be read \(ENOENT\)/,
    ],
    [
      'a directory that nothing defines',
      [fileStore({ directory: '&{nothing}' })],
      /secrets\.json: stores\.0\.config\.directory: &\{nothing\} has no value/,
    ],
  ]
  for (const [what, stores, message] of cases)
    it(`${what}: one sentence for whoever needs it`, async () => {
      const { secrets } = await storesOf(stores)
      const text = refusal(() => secrets.resolve('a'))
      assert.match(text, message)
      assert(text.startsWith('purpose "a": '))
    })

  it('absent or broken: the same, until it is mended', async () => {
    const { projectDir, secrets } = await storesOf([])
    await rm(join(projectDir, 'conf/secrets.json'))
    await secrets.load()
    assert.match(
      refusal(() => secrets.resolve('a')),
      /conf\/secrets\.json does not exist$/,
    )
    await writeFiles(projectDir, { 'conf/secrets.json': `{"stores": ${canary}` })
    await secrets.load()
    assert.match(
      refusal(() => secrets.resolve('a')),
      /conf\/secrets\.json: line 1, column 12: /,
    )
    await writeFiles(projectDir, {
      'conf/secrets.json': { stores: [fileStore({ mappings: mapped('a') })] },
      'secrets/a': 'x',
    })
    await secrets.load()
    assert.equal(secrets.resolve('a'), 'x')
    assert.deepEqual(secrets.files(), [join(projectDir, 'conf/secrets.json'), join(projectDir, 'secrets')])
  })
})
