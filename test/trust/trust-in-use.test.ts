import assert from 'node:assert/strict'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { writeAtomically, writeFiles } from '../helpers/files.ts'
import { assertSince } from '../helpers/patience.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, type MountedIdm, startIdm, startTlsRemote } from '../proxy/mounted.ts'

const STORES = join(import.meta.dirname, '../fixtures/keystores')
const fixture = (name: string): string => join(STORES, name)
const UNTRUSTED =
  /Remote instance \\?"eu\\?": its certificate is not trusted; import its certificate, or that of its authority, into security\/truststore/
/** A remote whose certificate the private authority of the fixtures issued. */
async function startPrivateRemote(name: 'server' | 'server-ec' = 'server'): Promise<Remote> {
  const [certificate, key] = await Promise.all(
    [`${name}.pem`, `${name}-key.pem`].map((file) => readFile(fixture(file), 'utf8')),
  )
  return startRemote({ tls: { certificate: certificate ?? '', key: key ?? '' }, hostName: 'localhost' })
}

const truststoreOf = ({ confDir }: MountedIdm): string => join(dirname(confDir), 'security', 'truststore')

/** A change is in force within a second; opening a PKCS12 store may take another. */
const AT_ONCE_MS = 2000

/** Waits until a call has this status; what has changed is in force at once. */
async function becomes(status: number, idm: MountedIdm, path = 'eu/x'): Promise<void> {
  const begin = performance.now()
  await until(async () => (await idm.call(path)).status === status, `${path} is answered with ${status}`)
  assertSince(begin, AT_ONCE_MS, 'it is in force')
}

describe('a trust store makes a remote reachable', () => {
  for (const name of [
    'keytool.p12',
    'keytool-legacy.p12',
    'keytool-unprotected.p12',
    'keytool.jks',
    'openssl.p12',
    'openssl-legacy.p12',
    'ca.pem',
    'server.pem',
  ]) {
    it(`${name}: put there, taken away, each in force at once and without restart`, async () => {
      const remote = await startPrivateRemote()
      const idm = await startIdm({ eu: basicOf(remote) })
      assert.match((await idm.call('eu/x')).text, UNTRUSTED)
      await copyFile(fixture(name), truststoreOf(idm))
      await becomes(200, idm)
      // A second connection resumes the TLS session of the first: not so when the trust is gone.
      await Promise.all([idm.call('eu/x'), idm.call('eu/x')])
      await writeFile(truststoreOf(idm), '')
      await becomes(502, idm)
      assert.match((await idm.call('eu/x')).text, UNTRUSTED)
      assert.equal(idm.status('eu')?.state, 'FAILING')
    })
  }

  it('both authorities of a store, and token endpoints as well', async () => {
    const remote = await startPrivateRemote('server-ec')
    const tokens = await startTokenServer({
      tls: {
        certificate: await readFile(fixture('server.pem'), 'utf8'),
        key: await readFile(fixture('server-key.pem'), 'utf8'),
      },
      hostName: 'localhost',
    })
    const idm = await startIdm({ eu: bearerOf(remote, tokens) })
    assert.match(
      (await idm.call('eu/x')).text,
      /Token endpoint of remote instance \\"eu\\": its certificate is not trusted/,
    )
    const report = (await idm.call('eu?_action=test', { method: 'POST' })).json as { steps: unknown[] }
    assert.match(JSON.stringify(report.steps), /"certificate","ok":false/)
    await copyFile(fixture('keytool.jks'), truststoreOf(idm))
    await becomes(200, idm)
    assert.equal(tokens.requests.length, 1)
  })

  it('a request in flight is not cut when its trust is withdrawn', async () => {
    const remote = await startPrivateRemote()
    const idm = await startIdm({ eu: basicOf(remote) })
    await copyFile(fixture('ca.pem'), truststoreOf(idm))
    await becomes(200, idm)
    const gate = Promise.withResolvers<void>()
    onCleanUp(gate.resolve)
    remote.answer(async ({ request, response }) => {
      if (!request.url.endsWith('/slow')) return void response.end('{}')
      response.write('[1,')
      await gate.promise
      response.end('2]')
    })
    const slow = idm.call('eu/slow')
    await until(() => remote.requests.some(({ url }) => url.endsWith('/slow')))
    await writeFile(truststoreOf(idm), '')
    await becomes(502, idm)
    gate.resolve()
    assert.equal((await slow).text, '[1,2]')
  })

  it('the check prints the chain and the command that adds what is missing', async () => {
    const pki = await testPki()
    const chain = await pki.unknown('idm.example.com')
    const certificate = chain.certificate + pki.unknownAuthority.certificate
    const remote = await startTlsRemote({ tls: { certificate, key: chain.key } })
    const idm = await startIdm({ eu: basicOf(remote) })
    const { steps } = (await idm.call('eu?_action=test', { method: 'POST' })).json as {
      steps: { step: string; message: string; cure: string; chain: string[] }[]
    }
    const [step] = steps.filter(({ step }) => step === 'certificate')
    assert.match(step?.message ?? '', /^the authority of the remote is not trusted: "CN=Unknown authority"/)
    assert.equal(step?.chain.length, 2)
    for (const line of step?.chain ?? [])
      assert.match(
        line,
        /^"CN=.*", valid \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d, SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$|^"CN=.*" \(self-signed\), valid/,
      )
    assert.match(step?.chain[0] ?? '', /^"CN=idm\.example\.com" issued by "CN=Unknown authority"/)
    const project = dirname(idm.confDir)
    const command = `keytool -import -alias unknown-authority -keystore ${project}/security/truststore -file unknown-authority.pem`
    assert.ok(step?.cure.includes(command), step?.cure)
    assert.ok(step?.cure.includes(`trust add unknown-authority unknown-authority.pem --project ${project}`))
  })
})

describe('a trust store that cannot be used', () => {
  const BROKEN: [title: string, content: () => Promise<Uint8Array | string>, message: RegExp][] = [
    ['a damaged file', async () => (await readFile(fixture('keytool.p12'))).subarray(0, 500), /is damaged/],
    ['no store at all', async () => 'hello', /is neither PKCS12, nor JKS, nor PEM/],
    ['a file of no bytes', async () => '', /holds no certificate/],
    ['an empty store', () => readFile(fixture('empty.p12')), /holds no certificate\. Add one with keytool -import/],
    ['JCEKS', () => readFile(fixture('keytool.jceks')), /of type JCEKS cannot be read\. Convert it with/],
  ]
  for (const [title, content, message] of BROKEN) {
    it(`${title}: one clear message, and the others go on`, async () => {
      const [eu, other] = [await startPrivateRemote(), await startTlsRemote()]
      const idm = await startIdm({ eu: basicOf(eu), other: basicOf(other) })
      await writeAtomically(truststoreOf(idm), await content())
      const warned = () => idm.log.messages('warn').filter((text) => text.startsWith('trust store: '))
      await until(() => warned().length > 0)
      assert.equal((await idm.call('other/x')).status, 200)
      assert.match((await idm.call('eu/x')).text, UNTRUSTED)
      // Looked at again, it is not told again.
      await writeFile(join(dirname(idm.confDir), 'security', 'unrelated.txt'), 'x')
      assert.equal((await idm.call('other/x')).status, 200)
      assert.equal(warned().length, 1)
      assert.match(warned()[0] ?? '', message)
      assert.ok(warned()[0]?.includes(truststoreOf(idm)))
      await copyFile(fixture('keytool.jks'), truststoreOf(idm))
      await becomes(200, idm)
    })
  }

  it('an edit that breaks it takes no trust away', async () => {
    const idm = await startIdm({ eu: basicOf(await startPrivateRemote()) })
    await copyFile(fixture('keytool.jks'), truststoreOf(idm))
    await becomes(200, idm)
    await writeAtomically(truststoreOf(idm), 'torn')
    await until(() => idm.log.text.includes('is neither PKCS12, nor JKS, nor PEM'))
    assert.equal((await idm.call('eu/x')).status, 200)
  })

  it('a wrong password is told without the password, and its correction is taken up', async () => {
    const [eu, other] = [await startPrivateRemote(), await startTlsRemote()]
    const { confDir, close } = await startIdm({ eu: basicOf(eu), other: basicOf(other) })
    await close()
    const properties = (password: string) =>
      writeFiles(confDir, { 'system.properties': `openidm.truststore.password=${password}\n` })
    await properties('canary-wrong')
    await copyFile(fixture('keytool.jks'), join(dirname(confDir), 'security', 'truststore'))
    const idm = await startIdm({}, { env: {}, confDir })
    assert.match(idm.log.text, /the password does not open this keystore/)
    assert.match((await idm.call('eu/x')).text, UNTRUSTED)
    assert.equal((await idm.call('other/x')).status, 200)
    await properties('changeit')
    await becomes(200, idm)
    assert.ok(!idm.log.text.includes('canary'))
  })

  for (const [title, make, message] of [
    ['expired', async () => (await testPki()).expired('idm.example.com'), /its certificate has expired/],
    ['for another host', async () => (await testPki()).wrongHost(), /its certificate was issued for another host name/],
  ] as const)
    it(`a certificate that is ${title} is told as that, and the others go on`, async () => {
      const [eu, other] = [await startTlsRemote({ tls: await make() }), await startTlsRemote()]
      const idm = await startIdm({ eu: basicOf(eu), other: basicOf(other) })
      assert.match((await idm.call('eu/x')).text, message)
      assert.equal((await idm.call('other/x')).status, 200)
      const check = await idm.call('eu?_action=test', { method: 'POST' })
      assert.match(check.text, /"step":"certificate","ok":false,"message":"[^"]+(?:expired|another name)/)
    })
})

describe('settings of the trust store', () => {
  const SETTINGS: [title: string, options: object, properties: string][] = [
    ['by the options of the application', { truststorePassword: 'changeit' }, 'openidm.truststore.password=wrong'],
    ['by the environment', { env: { OPENIDM_TRUSTSTORE_PASSWORD: 'changeit' } }, 'openidm.truststore.password=wrong'],
    ['by properties', { env: {} }, 'openidm.truststore.location=&{idm.install.dir}/trusted/store.jks'],
    ['relative to the project', { env: { OPENIDM_TRUSTSTORE_LOCATION: 'trusted/store.jks' } }, ''],
  ]
  for (const [title, options, properties] of SETTINGS)
    it(title, async () => {
      const remote = await startPrivateRemote()
      const idm = await startIdm({}, options)
      const project = dirname(idm.confDir)
      const store = await readFile(fixture('keytool.jks'))
      await writeFiles(project, {
        'conf/system.properties': `${properties}\n`,
        'conf/external.idm-eu.json': basicOf(remote),
        'trusted/store.jks': properties.includes('password') ? 'not this' : store,
        'security/truststore': properties.includes('password') ? store : 'not this',
      })
      await idm.close()
      const again = await startIdm({}, { ...options, confDir: idm.confDir })
      assert.equal((await again.call('eu/x')).status, 200)
    })

  it('the authorities of the system can be turned off', async () => {
    const remote = await startTlsRemote()
    const { ca } = await testPki()
    for (const options of [{ systemRoots: false }, { env: { OPENIDM_TRUSTSTORE_SYSTEM_ROOTS: 'false' } }]) {
      const idm = await startIdm({ eu: basicOf(remote) }, options)
      assert.equal((await idm.call('eu/x')).status, 200)
      await writeFile(`${truststoreOf(idm)}.pem`, '')
      await becomes(502, idm)
      await writeAtomically(`${truststoreOf(idm)}.pem`, ca)
      await becomes(200, idm)
    }
    await assert.rejects(
      startIdm({}, { env: { OPENIDM_TRUSTSTORE_SYSTEM_ROOTS: 'maybe' } }),
      /openidm\.truststore\.system\.roots: must be true or false/,
    )
  })
})

describe('the client certificate of an instance', () => {
  async function startDemanding(): Promise<Remote> {
    const clientAuthority = (await readFile(fixture('ca.pem'), 'utf8')) + (await testPki()).ca
    const tls = { ...(await (await testPki()).server('idm.example.com')), clientAuthority }
    return startTlsRemote({ tls, behaviour: reply({ body: {} }) })
  }

  async function pem(commonName: string): Promise<string> {
    const { certificate, key } = await (await testPki()).client(commonName)
    return certificate + key
  }

  async function startWith(file: string | Uint8Array, source: object = {}) {
    const remote = await startDemanding()
    const clientCertificate = { file: 'security/client', ...source }
    const idm = await startIdm({}, { env: { SECRET: 'changeit' } })
    await writeFiles(dirname(idm.confDir), { 'security/client': file })
    const content = basicOf(remote, { clientCertificate })
    await writeAtomically(join(idm.confDir, 'external.idm-eu.json'), content)
    await until(() => idm.status('eu'))
    return { remote, idm, file: join(dirname(idm.confDir), 'security', 'client') }
  }

  for (const name of ['client.p12', 'client.jks'])
    it(`${name}, with its password as an expression`, async () => {
      const { remote, idm } = await startWith(await readFile(fixture(name)), { password: '&{secret}' })
      assert.equal((await idm.call('eu/x')).status, 200)
      assert.equal(remote.last.clientName, 'Example client')
    })

  it('PEM, and a new one is shown by the next connection', async () => {
    const { remote, idm, file } = await startWith(await pem('first'))
    assert.equal((await idm.call('eu/x')).status, 200)
    assert.equal(remote.last.clientName, 'first')
    await writeAtomically(file, await pem('second'))
    await until(async () => (await idm.call('eu/x')).status === 200 && remote.last.clientName === 'second')
    await writeAtomically(file, 'torn')
    await until(() => idm.log.messages('warn').some((text) => text.includes('the last good one stays in force')))
    assert.equal((await idm.call('eu/x')).status, 200)
  })

  it('is shown to the token endpoint, too', async () => {
    const clientAuthority = (await testPki()).ca
    const tls = { ...(await (await testPki()).server('am.example.com')), clientAuthority }
    const tokens = await startTokenServer({ tls })
    const { idm, remote } = await startWith(await pem('us'))
    const content = bearerOf(remote, tokens, { clientCertificate: { file: 'security/client' } })
    await writeAtomically(join(idm.confDir, 'external.idm-cloud.json'), content)
    await until(() => idm.status('cloud'))
    assert.equal((await idm.call('cloud/x')).status, 200)
    assert.equal(tokens.requests[0]?.clientName, 'us')
  })

  const FAULTS: [title: string, content: () => Promise<string | Uint8Array>, source: object, message: RegExp][] = [
    [
      'a wrong password',
      () => readFile(fixture('client.p12')),
      { password: 'canary' },
      /external\.idm-eu\.json: clientCertificate: .*client: the password does not open this keystore/,
    ],
    ['no key', async () => (await pem('x')).split('-----BEGIN PRIVATE')[0] ?? '', {}, /holds no private key/],
    ['an absent file', async () => '', { file: 'security/none.p12' }, /none\.p12: cannot be read \(ENOENT\)/],
    ['another alias', () => readFile(fixture('client.p12')), { alias: 'who' }, /holds no private key named "who"/],
  ]
  for (const [title, content, source, message] of FAULTS)
    it(`${title} keeps the instance from coming into force, and is told`, async () => {
      const { idm } = await startWith(await content(), source)
      const { state, lastError } = idm.status('eu') ?? {}
      assert.equal(state, 'INVALID')
      assert.match(lastError?.message ?? '', message)
      assert.ok(!idm.log.text.includes('canary'))
    })

  it('one that was absent heals its instance when it comes', async () => {
    const { idm } = await startWith('', { file: 'security/late.pem' })
    assert.equal(idm.status('eu')?.state, 'INVALID')
    await writeFiles(dirname(idm.confDir), { 'security/late.pem': await pem('late') })
    await until(() => idm.status('eu')?.state === 'UNTRIED')
    assert.equal((await idm.call('eu/x')).status, 200)
  })
})
