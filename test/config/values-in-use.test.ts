import assert from 'node:assert/strict'
import { chmod, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encrypt, generateKey, parseKeys } from '../../lib/config/values/crypto/crypto.ts'
import { guarded, reply } from '../helpers/behaviours.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDirWith, writeAtomically, writeFiles } from '../helpers/files.ts'
import { assertSince } from '../helpers/patience.ts'
import type { RecordedRequest } from '../helpers/recorded-request.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, type MountedIdm, startIdm, startTlsRemote } from '../proxy/mounted.ts'
import { startForwardProxy } from '../remote/forward-proxy-server.ts'

const passwordIn = ({ headers }: RecordedRequest): string =>
  Buffer.from(headers.authorization?.slice('Basic '.length) ?? '', 'base64')
    .toString()
    .replace(/^svc:/, '')

/** A host on a project that holds these files from the start. */
async function startOn(files: Record<string, unknown>, env: Record<string, string> = {}): Promise<MountedIdm> {
  const dir = await tempDirWith({ 'conf/other.json': {}, ...files })
  const confDir = join(dir, 'conf')
  return { ...(await startIdm({}, { confDir, env })), confDir }
}

const instanceFile = (name: string): string => `conf/external.idm-${name}.json`

/** The password that the remote is shown. */
async function passwordOf(idm: MountedIdm, remote: Remote, name = 'eu'): Promise<string> {
  const answer = await idm.call(`${name}/x`)
  assert.equal(answer.status, 200, `${answer.text} ${idm.status(name)?.lastError?.message}`)
  return passwordIn(remote.last)
}

const KEY = generateKey('k1')
const keys = parseKeys(KEY, 'a test')

describe('values of an instance file, as the remote sees them', () => {
  ownedBySuite()
  /** What stands in the file as "password", and what arrives. */
  const ROWS: [title: string, password: unknown, arrives: string][] = [
    ['environment', '&{from.env}', 'environment'],
    ['-D of OPENIDM_OPTS', '&{from.options}', 'options'],
    ['conf/system.properties', '&{from.system}', 'system'],
    ['resolver/*.properties', '&{from.resolver}', 'resolver'],
    ['resolver/*.json, by its path', '&{from.json.deep}', 'json'],
    ['second directory of IDM_ENVCONFIG_DIRS', '&{from.second}', 'second'],
    ['conf/config.properties', '&{from.framework}', 'framework'],
    ['a file of IDM_SECRETS_DIRS', '&{from.secret}', 'secret &{kept}'],
    ['the server itself', '&{idm.install.dir}', 'PROJECT'],
    ['environment before the others', '&{both}', 'environment first'],
    ['expression files before framework properties', '&{low}', 'low: resolver'],
    ['default', '&{nowhere|the default}', 'the default'],
    ['empty default', '&{nowhere|}x', 'x'],
    ['a default that is not needed', '&{from.env|unused}', 'environment'],
    ['static text around it', 'a-&{from.env}-&{from.system}-z', 'a-environment-system-z'],
    ['a nested token', '&{from.&{which}}', 'system'],
    ['a value that is an expression', '&{indirect}', '->system'],
    ['a default that is an expression', '&{nowhere|&{from.env}}', 'environment'],
    ['an escape', '\\&{from.env}', '&{from.env}'],
    ['$base64:decode', { '$base64:decode': '&{encoded}' }, 'decoded'],
    ['$base64:encode', { '$base64:encode': '&{from.system}' }, 'c3lzdGVt'],
    ['$object of an encrypted value', { $object: '&{sealed}' }, 'unsealed'],
    ['$crypto', encrypt('encrypted &{kept}', keys), 'encrypted &{kept}'],
    ['$purpose', { $purpose: { name: 'idm.remote.eu' } }, 'purpose'],
    ['$purpose with a pointer', { $purpose: { name: 'idm.remote.json', jsonPointer: '/password' } }, 'pointed'],
    ['$purpose in a property store', { $purpose: { name: 'from.env' } }, 'environment'],
  ]
  let idm: MountedIdm
  let remote: Remote
  before(async () => {
    remote = await startRemote()
    const instances = ROWS.map(([, password], row) => [instanceFile(`r${row}`), basicOf(remote, { password })])
    const store = (name: string, config: object, secretIds: string[]) => ({
      name,
      class: `org.forgerock.${name}`,
      config: { ...config, mappings: secretIds.map((secretId) => ({ secretId, types: ['GENERIC'] })) },
    })
    const stores = [
      store('FileSystemStore', { directory: 'secrets' }, ['idm.remote.eu', 'idm.remote.json']),
      store('PropertyBasedStore', {}, ['from.env']),
    ]
    idm = await startOn(
      {
        ...Object.fromEntries(instances),
        'conf/system.properties': 'from.system=system\nwhich=system\nindirect=->&{from.system}\nboth=system\n',
        'conf/config.properties': 'from.framework=framework\nlow=framework\n',
        'conf/secrets.json': { stores },
        'resolver/a.properties': 'from.resolver=resolver\nlow=low: resolver\n',
        'resolver/b.json': { from: { json: { deep: 'json' } } },
        'more/c.properties': 'from.second=second\nfrom.resolver=not this\n',
        'mounted/from.secret': 'secret &{kept}\n',
        'secrets/idm.remote.eu': 'purpose\n',
        'secrets/idm.remote.json': { password: 'pointed' },
      },
      {
        FROM_ENV: 'environment',
        BOTH: 'environment first',
        OPENIDM_OPTS: '-Xmx1g -Dfrom.options=options',
        IDM_ENVCONFIG_DIRS: '&{idm.install.dir}/resolver,more',
        IDM_SECRETS_DIRS: 'mounted',
        IDM_CRYPTO_KEYS: KEY,
        ENCODED: Buffer.from('decoded').toString('base64'),
        SEALED: JSON.stringify(encrypt('unsealed', keys)),
      },
    )
  })
  for (const [row, [title, , arrives]] of ROWS.entries())
    it(`password: ${title}`, async () => {
      const expected = arrives === 'PROJECT' ? dirname(idm.confDir) : arrives
      assert.equal(await passwordOf(idm, remote, `r${row}`), expected)
    })
})

describe('transformations of an instance file', () => {
  it('$bool, $int, $number, $list, $array and $object make what the property wants', async () => {
    const tokens = await startTokenServer({ scopes: ['one', 'two'] })
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const proxy = await startForwardProxy()
    const env = { YES: 'true', NO: 'false', MAX: '3', SECONDS: '2.5', LIST: 'one, two', ARRAY: '["two"]' }
    const object = JSON.stringify({ proxyUri: proxy.uri })
    const idm = await startIdm(
      {
        list: bearerOf(remote, tokens, { scope: { $list: '&{list}' }, maxConnections: { $int: '&{max}' } }),
        array: bearerOf(remote, tokens, { scope: { $array: '&{array}' }, enabled: { $bool: '&{yes}' } }),
        object: basicOf(remote, { proxy: { $object: '&{object}' }, connectionTimeout: { $number: '&{seconds}' } }),
        off: basicOf(remote, { enabled: { $bool: '&{no}' } }),
        wrong: basicOf(remote, { maxConnections: { $int: '&{yes}' } }),
      },
      { env: { ...env, OBJECT: object } },
    )
    assert.equal((await idm.call('list/x')).status, 200)
    assert.equal((await idm.call('array/x')).status, 200)
    const scopes = tokens.requests.map(({ text }) => new URLSearchParams(text).get('scope'))
    assert.deepEqual(scopes, ['one two', 'two'])
    await idm.call('object/x')
    assert.equal(proxy.asked.length, 1)
    assert.equal(idm.status('off')?.state, 'DISABLED')
    const { state, lastError } = idm.status('wrong') ?? {}
    assert.deepEqual(
      [state, lastError?.message],
      ['INVALID', 'external.idm-wrong.json: maxConnections: the value of "$int" must be a whole number'],
    )
  })
})

describe('a value that cannot be had', () => {
  it('fails its object only, naming token, file and where it was looked for', async () => {
    const remote = await startRemote()
    const idm = await startOn({
      [instanceFile('eu')]: basicOf(remote, { password: '&{remote.eu.password}' }),
      [instanceFile('us')]: basicOf(remote),
      'resolver/boot.properties': 'x=1',
    })
    assert.equal((await idm.call('us/x')).status, 200)
    const { state, lastError } = idm.status('eu') ?? {}
    assert.equal(state, 'INVALID')
    const project = dirname(idm.confDir)
    const places = ['environment variable REMOTE_EU_PASSWORD', `${project}/conf/system.properties`]
    places.push(`${project}/resolver/*.properties and *.json`)
    const message = lastError?.message ?? ''
    assert.match(message, /^external\.idm-eu\.json: password: &\{remote\.eu\.password\} has no value; looked in: /)
    for (const place of places) assert.ok(message.includes(place), message)
    assert.equal(idm.log.messages().filter((text) => text.includes('has no value')).length > 0, true)
    assert.match((await idm.call('eu/x')).text, /its configuration is not valid, see the log or the list of instances/)
    const list = await idm.call('?_queryFilter=true')
    assert.ok(list.text.includes('remote.eu.password'))
    await writeFiles(project, { 'resolver/late.json': { remote: { eu: { password: 'late' } } } })
    await until(() => idm.status('eu')?.state === 'UNTRIED')
    assert.equal(await passwordOf(idm, remote), 'late')
  })

  const FAULTS: [title: string, password: unknown, env: Record<string, string>, message: RegExp][] = [
    ['no key', encrypt('x', keys), {}, /password: is encrypted with the key "k1", and no key is configured/],
    ['another key of that name', encrypt('x', keys), { IDM_CRYPTO_KEYS: generateKey('k1') }, /cannot be decrypted/],
    ['keys that are none', encrypt('x', keys), { IDM_CRYPTO_KEYS: 'canary' }, /IDM_CRYPTO_KEYS: key number 1 is not/],
    ['no secrets.json', { $purpose: { name: 'p' } }, {}, /password: purpose "p": .*secrets\.json does not exist/],
    [
      'a circle',
      '&{a}',
      { A: '&{b}', B: '&{a}' },
      /password: the value of &\{a\} refers to itself: &\{a\} > &\{b\} > &\{a\}/,
    ],
  ]
  for (const [title, password, env, message] of FAULTS)
    it(title, async () => {
      const remote = await startRemote()
      const idm = await startOn(
        { [instanceFile('eu')]: basicOf(remote, { password }), [instanceFile('us')]: basicOf(remote) },
        env,
      )
      assert.match(idm.status('eu')?.lastError?.message ?? '', message)
      assert.equal((await idm.call('us/x')).status, 200)
      assert.ok(!idm.log.text.includes('canary'))
    })
})

describe('changes of values are taken up', () => {
  const CHANGES: [title: string, password: unknown, file: string, before: unknown, after: unknown][] = [
    ['resolver/*.properties', '&{p}', 'resolver/a.properties', 'p=old', 'p=new'],
    ['resolver/*.json', '&{p}', 'resolver/a.json', { p: 'old' }, { p: 'new' }],
    ['conf/system.properties', '&{p}', 'conf/system.properties', 'p=old', 'p=new'],
    ['a secret of a directory', '&{p}', 'run/p', 'old\n', 'new\n'],
    ['a secret of a store', { $purpose: { name: 'p' } }, 'secrets/p', 'old', 'new'],
  ]
  const stores = [
    { name: 's', class: 'FileSystemStore', config: { directory: 'secrets', mappings: [{ secretId: 'p' }] } },
  ]
  for (const [title, password, file, old, young] of CHANGES)
    it(title, async () => {
      const remote = await startRemote()
      const content = basicOf(remote, { password })
      const files = { [instanceFile('eu')]: content, 'conf/secrets.json': { stores }, 'resolver/x.json': {} }
      const idm = await startOn({ ...files, [file]: old }, { IDM_SECRETS_DIRS: 'run' })
      assert.equal(await passwordOf(idm, remote), 'old')
      await writeAtomically(join(dirname(idm.confDir), file), young)
      const start = performance.now()
      await until(async () => (await passwordOf(idm, remote)) === 'new')
      assertSince(start, 1500)
    })

  it('a key that follows another: both decrypt, and what cannot be decrypted any more keeps the last good settings', async () => {
    const [one, two] = [generateKey('one'), generateKey('two')]
    const remote = await startRemote()
    const content = basicOf(remote, { password: encrypt('sealed', parseKeys(one, 'a test')) })
    const idm = await startOn({ [instanceFile('eu')]: content, 'security/crypto.keys': one })
    const file = join(dirname(idm.confDir), 'security', 'crypto.keys')
    assert.equal(await passwordOf(idm, remote), 'sealed')
    await writeAtomically(file, `${two}\n${one}\n`)
    const renewed = basicOf(remote, { password: encrypt('sealed by two', parseKeys(two, 'a test')) })
    await until(async () => {
      await writeAtomically(join(idm.confDir, 'external.idm-eu.json'), renewed)
      return (await passwordOf(idm, remote)) === 'sealed by two'
    })
    await writeAtomically(file, one)
    await until(() => idm.status('eu')?.state === 'OUTDATED')
    assert.match(
      idm.status('eu')?.lastError?.message ?? '',
      /encrypted with the key "two", and the configured keys are one/,
    )
    assert.equal(await passwordOf(idm, remote), 'sealed by two')
    await rm(file)
    await until(() => idm.status('eu')?.lastError?.message.includes('no key is configured'))
    await writeAtomically(file, `${one},${two}`)
    await until(() => idm.status('eu')?.state === 'READY')
  })
})

describe('permissions of files with secrets', () => {
  it('are told once for each file that every user can read', async function () {
    if (process.platform === 'win32') this.skip()
    const remote = await startRemote()
    const dir = await tempDirWith({
      [instanceFile('clear')]: basicOf(remote),
      [instanceFile('hidden')]: basicOf(remote),
      [instanceFile('refers')]: basicOf(remote, { password: '&{p}' }),
      'run/p': 'canary',
      'security/crypto.keys': KEY,
    })
    await chmod(join(dir, instanceFile('hidden')), 0o640)
    const idm = await startIdm({}, { confDir: join(dir, 'conf'), env: { IDM_SECRETS_DIRS: 'run' } })
    await writeFiles(dir, { 'run/other': 'x', [instanceFile('clear')]: basicOf(remote, { enabled: false }) })
    const told = () => idm.log.messages('warn').filter((text) => text.includes('every user of this machine can'))
    await until(() => told().some((text) => text.includes('run/other')))
    const files = [instanceFile('clear'), 'run/other', 'run/p', 'security/crypto.keys']
    const expected = files.map(
      (file) =>
        `${join(dir, file)} holds secrets, and every user of this machine can read it; run: chmod o-rwx '${join(dir, file)}'`,
    )
    assert.deepEqual(told().sort(), expected.sort())
  })
})
