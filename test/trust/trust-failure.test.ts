import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import type { KeyPair } from '../../examples/demo/certificate-authority.ts'
import { chainOf, describeCertificate, nameOf, suggestAlias } from '../../lib/trust/certificate.ts'
import { explainTrustFailure } from '../../lib/trust/certificate-failure.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { testPki } from '../helpers/pki.ts'

const STORE = 'security/truststore'

/** Asks a real server, as the check does: without refusing, so that its chain can be shown. */
async function probe(pair: KeyPair, { ca, sent = '' }: { ca?: string; sent?: string }) {
  const server = createServer({ cert: pair.certificate + sent, key: pair.key }, (socket: TLSSocket) => socket.end())
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  onCleanUp(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ca: ca ?? [] })
  await once(socket, 'secureConnect')
  const chain = chainOf(socket.getPeerCertificate(true))
  const error: unknown = socket.authorizationError
  socket.destroy()
  const code = error instanceof Error && 'code' in error ? error.code : error
  return { code: String(code), chain, failure: explainTrustFailure(String(code), chain, STORE) }
}

describe('trust failures, explained', () => {
  it('an authority that the remote did not send', async () => {
    const pki = await testPki()
    const { code, chain, failure } = await probe(await pki.unknown(), {})
    assert.equal(code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    assert.equal(chain.length, 1)
    assert(failure.reason.includes('the authority "CN=Unknown authority" is not trusted'))
    assert(failure.reason.includes(chain[0]?.fingerprint256 ?? '-'))
    assert(failure.cure.includes('keytool -import -alias unknown-authority -keystore security/truststore -file'))
    assert(failure.cure.includes('npm run --silent cli -- trust add unknown-authority unknown-authority.pem'))
    assert.equal(failure.anchor, chain[0])
  })

  it('an authority that the remote sent', async () => {
    const pki = await testPki()
    const { code, failure } = await probe(await pki.unknown(), { sent: pki.unknownAuthority.certificate })
    assert.equal(code, 'SELF_SIGNED_CERT_IN_CHAIN')
    const authority = new X509Certificate(pki.unknownAuthority.certificate)
    assert.equal(failure.anchor?.fingerprint256, authority.fingerprint256)
    assert(failure.reason.includes(describeCertificate(authority)))
    assert(failure.cure.includes('-alias unknown-authority '))
  })

  it('a self-signed certificate', async () => {
    const read = (name: string) => readFile(join(import.meta.dirname, '../fixtures/keystores', name), 'utf8')
    const pair = { certificate: await read('self-signed.pem'), key: await read('self-signed-key.pem') }
    const { code, failure } = await probe(pair, {})
    assert.equal(code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
    assert.match(
      failure.reason,
      /^the self-signed certificate of the remote is not trusted: "O=OpenIDM .*, CN=localhost"/,
    )
    assert(failure.anchor)
  })

  it('a certificate for another purpose', async () => {
    const { unknownAuthority } = await testPki()
    const { code, failure } = await probe(unknownAuthority, {})
    assert.equal(code, 'INVALID_PURPOSE')
    assert.match(failure.cure, /server authentication/)
  })

  it('validity that has ended, or not begun', async () => {
    const pki = await testPki()
    const past = await probe(await pki.expired(), { ca: pki.ca })
    assert.equal(past.code, 'CERT_HAS_EXPIRED')
    assert.match(
      past.failure.reason,
      /has expired: "CN=127.0.0.1" issued by "CN=Test authority", valid \d{4}-\d\d-\d\d to /,
    )
    const future = await probe(await pki.notYetValid(), { ca: pki.ca })
    assert.equal(future.code, 'CERT_NOT_YET_VALID')
    assert.match(future.failure.cure, /clock/)
  })

  it('another host name', async () => {
    const pki = await testPki()
    const { code, failure } = await probe(await pki.wrongHost(), { ca: pki.ca })
    assert.equal(code, 'ERR_TLS_CERT_ALTNAME_INVALID')
    assert(failure.reason.endsWith('DNS:wrong-host.example.org'), failure.reason)
  })

  it('a code without explanation, and one from a prototype', async () => {
    const { ca } = await testPki()
    for (const code of ['CERT_REVOKED', '__proto__', 'constructor'])
      assert.match(explainTrustFailure(code, [new X509Certificate(ca)], STORE).reason, /was refused/)
    assert.match(explainTrustFailure('CERT_HAS_EXPIRED', [], STORE).reason, /was refused \(CERT_HAS_EXPIRED\)/)
  })

  it('a path that a shell would take apart', async () => {
    const { ca } = await testPki()
    const { cure } = explainTrustFailure('DEPTH_ZERO_SELF_SIGNED_CERT', [new X509Certificate(ca)], "/my 'store'")
    assert(cure.includes(`-keystore '/my '\\''store'\\''' -file`), cure)
  })
})

describe('certificates, described', () => {
  it('shows a chain that the trust store completed', async () => {
    const pki = await testPki()
    const { code, chain } = await probe(await pki.server(), { ca: pki.ca })
    assert.equal(code, 'null')
    assert.deepEqual(
      chain.map(({ subject }) => subject),
      ['CN=127.0.0.1', 'CN=Test authority'],
    )
  })

  it('lets no name steer a terminal', () => {
    assert.equal(nameOf('CN=a\u001b[2Jb\u202e\nO=c'), 'CN=a?[2Jb?, O=c')
    assert.equal(nameOf(''), '(no name)')
  })

  it('makes aliases that a shell takes as they are', () => {
    assert.equal(suggestAlias('O=Example\nCN=Example Private CA'), 'example-private-ca')
    assert.equal(suggestAlias('CN=*.idm.example.net'), 'idm.example.net')
    assert.equal(suggestAlias('CN=$(rm -rf /)'), 'rm-rf')
    assert.equal(suggestAlias('O=Example'), 'remote')
  })
})
