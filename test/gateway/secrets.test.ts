import assert from 'node:assert/strict'
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { main } from '../../lib/cli/cli.ts'
import { encrypt, isBound, isEncrypted, parseKeys } from '../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { tempDir, tempDirWith, writeFiles } from '../helpers/files.ts'
import { testPki } from '../helpers/pki.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'
import { startGateway, withGateway } from './parts.ts'

const STORES = join(import.meta.dirname, '../fixtures/keystores')

/** Runs a command to its end, with this on standard input. */
async function run(cwd: string, args: readonly string[], input: string | Buffer = '') {
  const printed = { stdout: '', stderr: '' }
  const writer = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      printed[name] += text
    },
  })
  const stdin = Readable.from([typeof input === 'string' ? Buffer.from(input) : input])
  const code = await main(args, { stdin, stdout: writer('stdout'), stderr: writer('stderr'), env: {}, cwd })
  return { code, ...printed }
}

/** Anywhere but in the project. */
const ELSEWHERE = import.meta.dirname

const shown = (authorization: string | undefined): string =>
  Buffer.from(authorization?.slice('Basic '.length) ?? '', 'base64').toString()

describe('secret commands', () => {
  it('a key, an encrypted secret, another key: the remote gets the password', async () => {
    const remote = await startRemote()
    const dir = await tempDirWith({ 'conf/untouched.json': '{ "a" :1}', 'security/x': '' })
    const one = await run(dir, ['secret', 'generate-key', '--id', 'one'])
    assert.match(one.stdout, /^one:[A-Za-z0-9+/]{43}=\n$/)
    const missing = await run(dir, ['secret', 'encrypt'], 'x')
    assert.match(
      missing.stderr,
      /no key is configured: put the output of "npm run --silent cli -- secret generate-key" into/,
    )
    await writeFile(join(dir, 'security', 'crypto.keys'), one.stdout, { mode: 0o600 })
    const { code, stdout, stderr } = await run(dir, ['secret', 'encrypt'], 'canary &{x}\n')
    assert.deepEqual([code, stderr, stdout.includes('canary')], [0, '', false])
    const latin1 = await run(dir, ['secret', 'encrypt'], Buffer.from('p\xe4ss\n', 'latin1'))
    assert.deepEqual([latin1.code, latin1.stdout], [1, ''])
    assert.match(latin1.stderr, /the secret on standard input is not UTF-8 text/)
    const content = basicOf(remote, { password: JSON.parse(stdout) })
    const file = join(dir, 'conf', 'external.idm-eu.json')
    await writeFile(file, `${JSON.stringify(content, null, 4)}\n`)
    const idm = await startIdm({}, { confDir: join(dir, 'conf'), env: {} })
    await idm.call('eu/x')
    assert.equal(shown(remote.last.headers.authorization), 'svc:canary &{x}')

    const two = await run(dir, ['secret', 'generate-key', '--id', 'two'])
    await writeFile(join(dir, 'security', 'crypto.keys'), `${two.stdout}${one.stdout}`)
    const rotated = await run(ELSEWHERE, ['secret', 'rotate', '--project', dir])
    assert.deepEqual([rotated.stdout, rotated.stderr], ['external.idm-eu.json: 1 encrypted anew\n', ''])
    const text = await readFile(file, 'utf8')
    assert.match(text, /^ {4}"authType"/m)
    assert.match(text, /"keyId": "two"/)
    assert.equal(await readFile(join(dir, 'conf', 'untouched.json'), 'utf8'), '{ "a" :1}')
    assert.equal((await run(dir, ['secret', 'rotate'])).stdout, '')
    await writeFile(join(dir, 'security', 'crypto.keys'), two.stdout)
    await until(async () => {
      await idm.call('eu/x')
      return idm.status('eu')?.state === 'READY' && shown(remote.last.headers.authorization) === 'svc:canary &{x}'
    })
  })

  it('are never given a secret on the command line', async () => {
    const { code, stderr } = await run(await tempDir(), ['secret', 'encrypt', 'canary'])
    assert.equal(code, 2)
    assert.match(stderr, /too many arguments for 'encrypt'/)
  })
})

describe('trust commands', () => {
  it('add, list and remove: a running host follows', async () => {
    const pki = await testPki()
    const remote = await startTlsRemote()
    const dir = await tempDirWith({
      'conf/external.idm-eu.json': basicOf(remote),
      'ca.pem': pki.ca,
      'two.pem': `${pki.ca}${pki.unknownAuthority.certificate}`,
      'none.pem': 'hello',
    })
    const idm = await startIdm({}, { confDir: join(dir, 'conf'), env: {} })
    assert.equal((await idm.call('eu/x')).status, 502)
    const added = await run(dir, ['trust', 'add', 'test-ca', 'ca.pem'])
    assert.equal(added.code, 0, added.stderr)
    assert.match(
      added.stdout,
      /^Trusted from now on, as test-ca in .*security\/truststore\.pem:\n"CN=Test authority" \(self-/,
    )
    await until(async () => (await idm.call('eu/x')).status === 200)
    assert.equal((await stat(join(dir, 'security', 'truststore.pem'))).mode & 0o777, 0o644)
    await copyFile(join(STORES, 'keytool.jks'), join(dir, 'security', 'truststore'))
    const list = await run(dir, ['trust', 'list'])
    assert.equal(list.code, 0, list.stderr)
    assert.match(list.stdout, /^example-ca {5}".*SHA-256 9C:74:.*\(security\/truststore\)$/m)
    assert.match(list.stdout, /^test-ca {8}"CN=Test authority" .*SHA-256 .*\(security\/truststore\.pem\)$/m)
    const FAULTS: [args: string[], message: RegExp][] = [
      [['add', 'test-ca', 'ca.pem'], /alias: "test-ca" is in use/],
      [['add', 'again', 'ca.pem'], /this certificate is trusted already, as "test-ca"/],
      [['add', 'two', 'two.pem'], /two\.pem: holds 2 certificates; put the one to be trusted into a file of its own/],
      [['add', 'none', 'none.pem'], /none\.pem: is not a certificate \(PEM or DER\)/],
      [['add', 'none', 'absent.pem'], /absent\.pem: does not exist/],
      [['add', '../x', 'none.pem'], /not a certificate|alias: must be/],
      [['remove', 'nobody'], /there is no "nobody" in .*; "trust list" shows what there is/],
      [['remove', 'example-ca'], /keytool -delete -alias example-ca -keystore/],
    ]
    for (const [args, message] of FAULTS) {
      const { code, stderr } = await run(dir, ['trust', ...args])
      assert.equal(code, 1)
      assert.match(stderr, message)
    }
    const removed = await run(ELSEWHERE, ['trust', 'remove', 'test-ca', '--project', dir])
    assert.equal(removed.stdout, 'No longer trusted: test-ca\n')
    await until(async () => (await idm.call('eu/x')).status === 502)
  })

  const MISUNDERSTOOD: [args: string[], message: RegExp][] = [
    [['trust'], /^ {2}list .*\n {2}add .*\n {2}fetch .*\n {2}remove /m],
    [['trust', 'ad'], /unknown command 'ad'\n\(Did you mean add\?\)/],
    [['trust', 'add', 'x'], /missing required argument 'file'/],
    [['trust', 'remove', 'x', 'y'], /too many arguments for 'remove'/],
    [['check', '--conf', 'a', '--project', 'b'], /'--conf <dir>' cannot be used with option '--project <dir>'/],
    [['check'], /give --project <dir> or --conf <dir>/],
    [['recon', 'x', '--url', 'a', '--project', 'b'], /cannot be used with option '--project <dir>'/],
  ]
  for (const [args, message] of MISUNDERSTOOD)
    it(`does not understand ${args.join(' ')}`, async () => {
      const { code, stderr } = await run(ELSEWHERE, args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    })

  it('explain themselves', async () => {
    const group = await run(ELSEWHERE, ['trust', '--help'])
    assert.match(group.stdout, /^Usage: .* trust <command>\n/)
    assert.match(group.stdout, /^ {2}add \[options\] <alias> <file> {2}trust the certificate/m)
    const one = await run(ELSEWHERE, ['trust', 'add', '--help'])
    assert.match(one.stdout, /^Usage: .* trust add \[options\] <alias> <file>\n/)
  })
})

describe('secrets in configuration over REST', () => {
  const KEY = `k1:${Buffer.alloc(32, 7).toString('base64')}\n`
  const stored = async (conf: string, name: string): Promise<JsonObject> =>
    JSON.parse(await readFile(join(conf, `${name}.json`), 'utf8'))

  it('clear text is encrypted when it is written, and the remote gets it', async () => {
    const remote = await startRemote()
    const { call, project } = await startGateway({ plugins: [packageRoot] })
    await writeFiles(project.security, { 'crypto.keys': KEY })
    const content = basicOf(remote, {
      password: 'canary-1',
      proxy: { proxyUri: 'http://127.0.0.1:9', password: 'canary-2' },
      enabled: false,
    })
    // Right after the key came: nothing is stored in clear in between.
    assert.equal((await call('/config/external.idm/eu', { method: 'PUT', json: content })).status, 201)
    const file = await stored(project.conf, 'external.idm-eu')
    assert.ok(isEncrypted(file.password))
    assert.ok(isEncrypted((file.proxy as JsonObject).password))
    const read = (await call('/config/external.idm/eu')).json as JsonObject
    assert.deepEqual(read.password, file.password)
    const { proxy: _, ...plain } = read
    const put = { ...plain, enabled: true }
    assert.equal((await call('/config/external.idm/eu', { method: 'PUT', json: put })).status, 200)
    assert.equal((await call('/external/idm/eu/x')).status, 200)
    assert.equal(shown(remote.last.headers.authorization), 'svc:canary-1')
    const patch = [{ operation: 'replace', field: '/password', value: 'canary-3' }]
    const patched = await call('/config/external.idm/eu', { method: 'PATCH', json: patch })
    assert.ok(isEncrypted((patched.json as JsonObject).password))
    await call('/external/idm/eu/x')
    assert.equal(shown(remote.last.headers.authorization), 'svc:canary-3')
    assert.ok(!JSON.stringify(await stored(project.conf, 'external.idm-eu')).includes('canary'))
  })

  it('an envelope of an older kind is bound at the next write, or by secret rewrap', async () => {
    const remote = await startRemote()
    const { call, project } = await startGateway({ plugins: [packageRoot] })
    await writeFiles(project.security, { 'crypto.keys': KEY })
    const keys = parseKeys(KEY, 'a test')
    const old = basicOf(remote, { password: encrypt('canary-old', keys) })
    await writeFiles(project.conf, {
      'external.idm-eu.json': old,
      'external.idm-us.json': old,
      'endpoint-x.json': { type: 'text/javascript', source: '1', globals: { x: encrypt('canary-x', keys) } },
    })
    await until(async () => (await call('/external/idm/us/x')).status === 200)
    const patch = [{ operation: 'add', field: '/maxConnections', value: 3 }]
    assert.equal((await call('/config/external.idm/eu', { method: 'PATCH', json: patch })).status, 200)
    assert.ok(isBound((await stored(project.conf, 'external.idm-eu')).password))
    const { stdout, code } = await run(project.dir, ['secret', 'rewrap'])
    assert.deepEqual([code, stdout], [0, 'endpoint-x.json: 1 encrypted anew\nexternal.idm-us.json: 1 encrypted anew\n'])
    assert.equal((await run(project.dir, ['secret', 'rewrap'])).stdout, '')
    for (const name of ['eu', 'us']) {
      const content = await stored(project.conf, `external.idm-${name}`)
      assert.ok(isBound(content.password))
      const shownOver = async () => (await call(`/config/external.idm/${name}`)).json as JsonObject
      // The command writes the file past the gateway.
      await until(async () => isDeepStrictEqual((await shownOver()).password, content.password))
      assert.deepEqual(await shownOver(), { _id: `external.idm/${name}`, ...content })
      await until(async () => (await call(`/external/idm/${name}/x`)).status === 200)
      assert.equal(shown(remote.last.headers.authorization), 'svc:canary-old')
    }
  })

  it('an encrypted value that is read in one place opens in no other', async () => {
    const remote = await startRemote()
    const { call, project } = await startGateway({ plugins: [packageRoot] })
    const content = basicOf(remote, { password: 'canary-here', _password: 'canary-parked' })
    const put = (path: string, json: object) => call(`/config/${path}`, { method: 'PUT', json })
    assert.equal((await put('external.idm/eu', content)).status, 201)
    const { password, _password } = (await call('/config/external.idm/eu')).json as JsonObject
    const moves: [path: string, json: object][] = [
      ['external.idm/zz', { ...content, password, instanceUrl: remote.url }],
      ['external.idm/eu', { ...content, authType: password }],
      ['external.idm/eu', { ...content, userName: password }],
      ['external.idm/eu', { ...content, userName: _password }],
      ['external.idm/eu', { ...content, password, instanceUrl: 'http://127.0.0.1:1/' }],
      ['endpoint/x', { type: 'text/javascript', source: 'x', globals: { x: password } }],
      ['custom/x', { x: password }],
    ]
    for (const [path, json] of moves) {
      const { status, text } = await put(path, json)
      assert.equal(status, 400, path)
      assert.match(text, /is not stored: \/[^:]+: .*give the secret itself/)
      assert.ok(!text.includes('canary'))
    }
    const patch = [{ operation: 'replace', field: '/instanceUrl', value: 'http://127.0.0.1:1/' }]
    const patched = await call('/config/external.idm/eu', { method: 'PATCH', json: patch })
    assert.equal(patched.status, 400)
    assert.match(patched.text, /\/password: must be given again in the same request, since \/instanceUrl changes/)
    const both = [...patch, { operation: 'replace', field: '/password', value: 'canary-new' }]
    assert.equal((await call('/config/external.idm/eu', { method: 'PATCH', json: both })).status, 400)
    const all = [...both, { operation: 'remove', field: '/_password' }]
    assert.equal((await call('/config/external.idm/eu', { method: 'PATCH', json: all })).status, 200)
    // Nothing was stored in another way on the way.
    assert.equal((await stored(project.conf, 'external.idm-eu')).password, 'canary-new')
  })

  it('what was exported can be imported after a deletion and a restart', async () => {
    const remote = await startRemote()
    const dir = await tempDirWith({ 'conf/external.idm-eu.json': basicOf(remote, { password: 'canary' }) })
    const before = await stored(join(dir, 'conf'), 'external.idm-eu')
    const exported = await withGateway(dir, async (call) => {
      const { json } = await call('/config?_queryFilter=true')
      await call('/config/external.idm/eu', { method: 'DELETE' })
      return (json as { result: JsonObject[] }).result
    })
    assert.equal(exported.length, 1)
    await withGateway(dir, async (call) => {
      const [json] = exported
      assert.equal((await call('/config/external.idm/eu', { method: 'PUT', json })).status, 201)
      assert.equal((await call('/external/idm/eu/x')).status, 200)
    })
    assert.deepEqual(await stored(join(dir, 'conf'), 'external.idm-eu'), before)
    assert.equal((await stat(join(dir, 'security', 'config-rest.key'))).mode & 0o777, 0o600)
  })

  it('keys that cannot be used keep it from being stored in clear', async () => {
    const { call, project } = await startGateway({ plugins: [packageRoot] })
    await writeFiles(project.security, { 'crypto.keys': 'canary' })
    const json = basicOf({ url: 'http://127.0.0.1:9/openidm/' }, { enabled: false })
    const { status, text } = await call('/config/external.idm/eu', { method: 'PUT', json })
    assert.equal(status, 500)
    assert.match(text, /is not stored: .*crypto\.keys: key number 1 is not 32 bytes/)
  })

  it('shows the expression, never the value; what has no value is refused with the places', async () => {
    const remote = await startRemote()
    const { call, project } = await startGateway({ plugins: [packageRoot] })
    await writeFiles(project.resolver, { 'eu.properties': 'eu.password=canary\n' })
    const content = basicOf(remote, { password: '&{eu.password}', maxConnections: { $int: '&{eu.max|3}' } })
    assert.equal((await call('/config/external.idm/eu', { method: 'PUT', json: content })).status, 201)
    assert.deepEqual((await call('/config/external.idm/eu')).json, { _id: 'external.idm/eu', ...content })
    await call('/external/idm/eu/x')
    assert.equal(shown(remote.last.headers.authorization), 'svc:canary')
    const json = { ...content, password: '&{nowhere}' }
    const refused = await call('/config/external.idm/eu', { method: 'PUT', json })
    assert.equal(refused.status, 400)
    assert.match(
      refused.text,
      /is not valid: password: &\{nowhere\} has no value; looked in: environment variable NOWHERE/,
    )
    const custom = { text: '&{nowhere}', number: { $int: '&{nowhere}' } }
    assert.equal((await call('/config/custom/rates', { method: 'PUT', json: custom })).status, 201)
    assert.deepEqual((await call('/config/custom/rates')).json, { _id: 'custom/rates', ...custom })
  })

  it("the gateway's own client secret may be an expression, and introspection trusts what the properties name", async () => {
    const tokens = await startTokenServer({ hostName: '127.0.0.1' })
    const { ca } = await testPki()
    const { call, project } = await startGateway()
    await writeFiles(project.dir, {
      'trusted/store.pem': ca,
      'resolver/rs.properties': 'rs.secret=wrong\n',
      'conf/system.properties': 'openidm.truststore.location=trusted/store.pem\n',
    })
    const rsFilter = {
      clientId: 'gateway',
      clientSecret: '&{rs.secret}',
      tokenIntrospectUrl: tokens.introspectionEndpoint,
      staticUserMapping: [{ subject: 'x', localUser: 'internal/user/x', roles: ['internal/role/openidm-admin'] }],
    }
    assert.equal((await call('/config/authentication', { method: 'PUT', json: { rsFilter } })).status, 201)
    assert.equal(
      ((await call('/config/authentication')).json as { rsFilter: JsonObject }).rsFilter.clientSecret,
      '&{rs.secret}',
    )
    const headers = { authorization: 'Bearer some-token' }
    await until(async () => (await call('/info/login', { headers })).status !== 401)
    assert.ok(tokens.remote.requests.some(({ headers: { authorization } }) => shown(authorization) === 'gateway:wrong'))
  })
})
