import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { connect, createServer, getCACertificates } from 'node:tls'
import type { Disposable, Logger } from '../../lib/contract.ts'
import { Secret } from '../../lib/core/secret.ts'
import { TrustStore, type TrustStoreOptions } from '../../lib/trust/trust-store.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir, writeAtomically, writeConfigMap, writeInHalves } from '../helpers/files.ts'
import { assertSince } from '../helpers/patience.ts'
import { until } from '../helpers/until.ts'

const STORES = join(import.meta.dirname, '../fixtures/keystores')
const fixture = (name: string) => join(STORES, name)

async function startServer(name: string): Promise<number> {
  const [cert, key] = await Promise.all([readFile(fixture(`${name}.pem`)), readFile(fixture(`${name}-key.pem`))])
  const server = createServer({ cert, key }, (socket) => socket.end())
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  onCleanUp(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** 'ok', or the code of the handshake's error. */
function handshake(port: number, trust: TrustStore): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, secureContext: trust.secureContext() })
    socket.on('secureConnect', () => {
      socket.destroy()
      resolve('ok')
    })
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
  })
}

/** An empty place for a trust store, and a maker of stores there. */
async function place() {
  const directory = join(await tempDir(), 'security')
  await mkdir(directory)
  const path = join(directory, 'truststore')
  const make = (options: Partial<TrustStoreOptions> = {}) => new TrustStore({ path, systemRoots: false, ...options })
  return { directory, path, make }
}

const loaded = async (trust: TrustStore) => {
  await trust.load()
  return trust
}

const aliases = (trust: TrustStore) => trust.certificates().map(({ alias }) => alias)

describe('trust store: what makes a remote reachable', () => {
  for (const name of [
    'keytool.p12',
    'keytool-legacy.p12',
    'keytool-unprotected.p12',
    'keytool.jks',
    'openssl.p12',
    'openssl-legacy.p12',
  ])
    it(`${name}, as security/truststore`, async () => {
      const { path, make } = await place()
      await copyFile(fixture(name), path)
      const trust = await loaded(make())
      assert.equal(trust.lastError, undefined)
      assert.equal(await handshake(await startServer('server'), trust), 'ok')
      assert.equal(await handshake(await startServer('server-ec'), trust), 'ok')
    })

  it("the remote's own certificate alone, as in Java", async () => {
    const { path, make } = await place()
    await copyFile(fixture('server.pem'), path)
    const trust = await loaded(make())
    assert.equal(await handshake(await startServer('server'), trust), 'ok')
    assert.equal(await handshake(await startServer('server-ec'), trust), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY')
  })

  it("the remote's self-signed certificate", async () => {
    const { path, make } = await place()
    const trust = await loaded(make())
    const port = await startServer('self-signed')
    assert.equal(await handshake(port, trust), 'DEPTH_ZERO_SELF_SIGNED_CERT')
    await copyFile(fixture('self-signed.pem'), path)
    await trust.reload()
    assert.equal(await handshake(port, trust), 'ok')
  })

  it('nothing, where the store is absent and the system is not trusted', async () => {
    const trust = await loaded((await place()).make())
    assert.deepEqual(trust.ca(), [])
    assert.equal(trust.lastError, undefined)
    assert.equal(await handshake(await startServer('server'), trust), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY')
  })
})

describe('trust store: files', () => {
  it('unites the store, the PEM bundle and its names', async () => {
    const { path, make } = await place()
    await copyFile(fixture('keytool.jks'), path)
    const [ca, server] = await Promise.all([
      readFile(fixture('ca.pem'), 'utf8'),
      readFile(fixture('server.pem'), 'utf8'),
    ])
    await writeFile(`${path}.pem`, `# alias: again\n${ca}\n# alias: eu\n# CN=…\n${server}`)
    const trust = await loaded(make())
    assert.deepEqual(aliases(trust).sort(), ['eu', 'example-ca', 'example-ec-ca'])
    const eu = trust.certificates().find(({ alias }) => alias === 'eu')
    assert.equal(eu?.file, `${path}.pem`)
    assert.equal(eu?.validTo.toISOString(), '2119-12-08T00:00:00.000Z')
    assert.match(eu?.fingerprint256 ?? '', /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  })

  it('reads a directory of PEM and DER files, as Kubernetes mounts it', async () => {
    const { path, make } = await place()
    await mkdir(path)
    await writeConfigMap(path, {
      'ca.pem': await readFile(fixture('ca.pem')),
      'ec.cer': new X509Certificate(await readFile(fixture('ca-ec.pem'))).raw,
      'notes.txt': 'not a certificate',
    })
    const trust = await loaded(make())
    assert.equal(trust.lastError, undefined)
    assert.deepEqual(aliases(trust), ['ca', 'ec'])
  })

  it('takes the password as a Secret', async () => {
    const { path, make } = await place()
    await copyFile(fixture('keytool.p12'), path)
    assert.equal((await loaded(make({ password: new Secret('changeit') }))).certificates().length, 2)
  })

  it("adds the system's roots when asked", async () => {
    const { path, make } = await place()
    const trust = make({ systemRoots: true })
    await trust.load()
    assert.equal(trust.ca(), undefined)
    await copyFile(fixture('keytool.p12'), path)
    await trust.reload()
    assert.equal(trust.ca()?.length, getCACertificates('default').length + 2)
  })

  it('makes one list and one context for each state', async () => {
    const { path, make } = await place()
    await copyFile(fixture('keytool.p12'), path)
    const trust = await loaded(make())
    const [list, context] = [trust.ca(), trust.secureContext()]
    await trust.reload()
    assert.equal(trust.ca(), list)
    assert.equal(trust.secureContext(), context)
    assert.notEqual(trust.secureContext({ minVersion: 'TLSv1.3' }), context)
    await copyFile(fixture('ca.pem'), path)
    await trust.reload()
    assert.notEqual(trust.ca(), list)
    assert.notEqual(trust.secureContext(), context)
  })
})

describe('trust store: what is wrong', () => {
  const cases: readonly (readonly [string, (path: string) => Promise<unknown>, RegExp])[] = [
    [
      'a damaged store',
      async (path) => writeFile(path, (await readFile(fixture('keytool.p12'))).subarray(0, 700)),
      /is damaged/,
    ],
    ['a store of no bytes', (path) => writeFile(path, ''), /holds no certificate/],
    ['other content', (path) => writeFile(path, 'hello'), /neither PKCS12, nor JKS, nor PEM/],
    [
      'half a PEM file',
      async (path) => writeFile(path, (await readFile(fixture('ca.pem'))).subarray(0, 600)),
      /middle of a PEM block/,
    ],
    [
      'PEM that is no certificate',
      (path) => writeFile(path, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      /block number 1/,
    ],
    ['an empty store', (path) => copyFile(fixture('empty.p12'), path), /holds no certificate/],
    ['JCEKS', (path) => copyFile(fixture('keytool.jceks'), path), /JCEKS/],
  ]
  for (const [what, write, message] of cases)
    it(`${what}: one message, and the other files count`, async () => {
      const { path, make } = await place()
      await write(path)
      await copyFile(fixture('ca.pem'), `${path}.pem`)
      const trust = await loaded(make())
      assert.match(trust.lastError?.message ?? '', message)
      assert(trust.lastError?.message.startsWith(`${path}: `))
      assert.deepEqual(aliases(trust), ['truststore'])
    })

  it('a wrong password: said once, never repeated', async () => {
    const { path, make } = await place()
    await copyFile(fixture('keytool.jks'), path)
    const lines: string[] = []
    const note = (details: object, message?: string) => void lines.push(JSON.stringify(details) + message)
    const log: Logger = { trace: note, debug: note, info: note, warn: note, error: note }
    const trust = await loaded(make({ password: 'canary-password', log }))
    await trust.reload()
    assert.equal(trust.lastError?.fault, 'password')
    assert.equal(lines.length, 1)
    assert(!lines.join().includes('canary'))
  })
})

describe('trust store: changes', () => {
  it('keeps the last good certificates while a file is broken, and takes the next good ones', async () => {
    const { path, make } = await place()
    await copyFile(fixture('keytool.p12'), path)
    const trust = await loaded(make())
    await writeInHalves(path, await readFile(fixture('ca.pem'), 'utf8'), async () => {
      await trust.reload()
      assert.equal(trust.lastError?.fault, 'corrupt')
      assert.equal(trust.certificates().length, 2)
    })
    await trust.reload()
    assert.equal(trust.lastError, undefined)
    assert.equal(trust.certificates().length, 1)
  })

  it('an emptied file trusts nothing, and says so', async () => {
    const { path, make } = await place()
    for (const takeAway of [
      () => copyFile(fixture('empty.p12'), path),
      () => writeFile(path, ''),
      () => writeFile(path, ' \n\t\n'),
      () => writeFile(path, '# nobody\n'),
    ]) {
      await copyFile(fixture('keytool.p12'), path)
      const trust = await loaded(make())
      assert.equal(trust.certificates().length, 2)
      await takeAway()
      await trust.reload()
      assert.deepEqual(trust.certificates(), [])
      assert.match(trust.lastError?.message ?? '', /holds no certificate/)
    }
  })

  it('a file that is gone keeps its last good certificates, and says so; so does a directory', async () => {
    const { path, make } = await place()
    for (const put of [
      () => copyFile(fixture('ca.pem'), path),
      async () => {
        await mkdir(path)
        await copyFile(fixture('ca.pem'), join(path, 'a.pem'))
      },
    ]) {
      await put()
      const trust = await loaded(make())
      await rm(path, { recursive: true })
      await trust.reload()
      await trust.reload()
      assert.equal(trust.certificates().length, 1)
      assert.equal(trust.lastError?.fault, 'missing')
      assert.match(trust.lastError?.message ?? '', /is gone; what was in it stays trusted/)
      await put()
      await trust.reload()
      assert.equal(trust.lastError, undefined)
      await rm(path, { recursive: true })
    }
  })

  it('a certificate that is taken out of a directory is no longer trusted', async () => {
    const { path, make } = await place()
    await mkdir(path)
    for (const name of ['a.pem', 'b.pem']) await copyFile(fixture('ca.pem'), join(path, name))
    await rm(join(path, 'a.pem'))
    const trust = await loaded(make())
    assert.deepEqual(aliases(trust), ['b'])
    await rm(join(path, 'b.pem'))
    await trust.reload()
    assert.deepEqual(trust.certificates(), [])
  })

  it('tells listeners once for each change, also when one of them fails', async () => {
    const { path, make } = await place()
    const trust = await loaded(make())
    let calls = 0
    trust.onChange(() => {
      throw new Error('a listener that fails')
    })
    const listening = trust.onChange(() => {
      calls += 1
    })
    await copyFile(fixture('keytool.p12'), path)
    await Promise.all([trust.reload(), trust.reload()])
    assert.equal(calls, 1)
    await copyFile(fixture('openssl-legacy.p12'), path)
    await trust.reload()
    listening.dispose()
    listening.dispose()
    await writeFile(path, '')
    await trust.reload()
    assert.equal(calls, 2)
  })

  it('heals a failing connection within a second of the import', async () => {
    const { path, make } = await place()
    const watchWithNode = (file: string, listener: () => void): Disposable => {
      const watcher = watch(dirname(file), listener)
      return { dispose: () => watcher.close() }
    }
    const trust = make({ watch: watchWithNode })
    await trust.start()
    onCleanUp(() => trust.close())
    const port = await startServer('server')
    assert.notEqual(await handshake(port, trust), 'ok')
    const before = performance.now()
    await writeAtomically(path, await readFile(fixture('keytool.p12')))
    await until(async () => (await handshake(port, trust)) === 'ok', 'the remote is trusted')
    assertSince(before, 1000)
    await writeFile(path, '')
    await until(async () => (await handshake(port, trust)) !== 'ok', 'the remote is trusted no more')
  })

  it('watches once and lets go', async () => {
    const { path, make } = await place()
    const watched: string[] = []
    const noteWatch = (file: string): Disposable => {
      watched.push(file)
      return { dispose: () => void watched.splice(watched.indexOf(file), 1) }
    }
    const trust = make({ watch: noteWatch })
    await Promise.all([trust.start(), trust.start()])
    assert.deepEqual(watched, [path, `${path}.pem`])
    await trust.close()
    await trust.close()
    assert.deepEqual(watched, [])
  })
})
