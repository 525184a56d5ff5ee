import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { type Authority, createAuthority, issueCertificate } from '../../examples/demo/certificate-authority.ts'

const DAY_MS = 86_400_000

describe('certificates', () => {
  let authority: Authority

  before(async () => {
    authority = await createAuthority('Test CA, Inc. = ä')
  })

  it('leaves no trace of the reflection stand-in', () => {
    assert.equal('getMetadata' in Reflect, false)
    assert.equal('getOwnMetadata' in Reflect, false)
  })

  it('makes an authority that signs itself', () => {
    const certificate = new X509Certificate(authority.certificate)
    assert.equal(certificate.ca, true)
    assert.equal(certificate.subject, 'CN=Test CA\\, Inc. = ä')
    assert.equal(certificate.verify(certificate.publicKey), true)
  })

  it('issues for names and addresses', async () => {
    const issued = await issueCertificate(authority, {
      hosts: ['idm.example.net', '*.eu.example.net', '127.0.0.1', '::1'],
    })
    const certificate = new X509Certificate(issued.certificate)
    const issuer = new X509Certificate(authority.certificate)
    assert.equal(certificate.checkIssued(issuer), true)
    assert.equal(certificate.verify(issuer.publicKey), true)
    assert.equal(certificate.checkHost('idm.example.net'), 'idm.example.net')
    assert.equal(certificate.checkHost('a.eu.example.net'), '*.eu.example.net')
    assert.equal(certificate.checkHost('other.example.net'), undefined)
    assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
    assert.equal(certificate.checkIP('::1'), '::1')
    assert.match(certificate.serialNumber, /^[4-7][0-9A-F]{31}$/)
    assert.match(issued.key, /^-----BEGIN PRIVATE KEY-----/)
  })

  it('keeps the validity that was asked for', async () => {
    const notBefore = new Date('2020-01-01T00:00:00Z')
    const short = await issueCertificate(authority, { hosts: ['a'], notBefore, days: 2 })
    assert.equal(new Date(new X509Certificate(short.certificate).validTo).getTime() - notBefore.getTime(), 2 * DAY_MS)
    const notAfter = new Date('2060-01-01T00:00:00Z')
    const long = await issueCertificate(authority, { hosts: ['a'], notBefore, notAfter })
    assert.equal(new Date(new X509Certificate(long.certificate).validTo).getTime(), notAfter.getTime())
  })

  it('shortens a common name that X.509 has no room for, the alternative name stays whole', async () => {
    const host = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.net`
    const { certificate } = await issueCertificate(authority, { hosts: [host] })
    assert.equal(new X509Certificate(certificate).checkHost(host), host)
  })

  it('refuses a certificate for nobody and one that ends before it begins', async () => {
    await assert.rejects(issueCertificate(authority, { hosts: [] }), /at least one of: hosts, commonName/)
    const backwards = { hosts: ['a'], notBefore: new Date(2), notAfter: new Date(1) }
    await assert.rejects(issueCertificate(authority, backwards), /notAfter/)
  })

  it('is accepted by Node, with a client certificate too', async () => {
    const server = await issueCertificate(authority, { hosts: ['idm.example.net'] })
    const client = await issueCertificate(authority, { hosts: [], commonName: 'proxy', client: true })
    const ca = authority.certificate
    const https = createServer(
      { cert: server.certificate, key: server.key, ca, requestCert: true },
      (request, response) => {
        response.end(String(Reflect.get(request.socket, 'authorized')))
      },
    )
    await new Promise<void>((listening) => https.listen(0, '127.0.0.1', listening))
    const { port } = https.address() as { port: number }
    try {
      const options = {
        port,
        host: '127.0.0.1',
        servername: 'idm.example.net',
        ca,
        cert: client.certificate,
        key: client.key,
      }
      const answer = await new Promise<string>((done, fail) => {
        let text = ''
        const socket = connect(options, () => socket.write('GET / HTTP/1.0\r\n\r\n'))
        socket.on('data', (data) => {
          text += data
        })
        socket.on('end', () => done(text)).on('error', fail)
      })
      assert.match(answer, /\r\n\r\ntrue$/)
    } finally {
      https.close()
    }
  })

  it('is accepted by openssl, strictly', async function () {
    const directory = mkdtempSync(join(tmpdir(), 'certificates-'))
    try {
      const file = (name: string, text: string): string => {
        writeFileSync(join(directory, name), text)
        return join(directory, name)
      }
      const ca = file('ca.pem', authority.certificate)
      const server = file('server.pem', (await issueCertificate(authority, { hosts: ['idm.example.net'] })).certificate)
      const request = { hosts: [], commonName: 'proxy', client: true }
      const client = file('client.pem', (await issueCertificate(authority, request)).certificate)
      const verify = (purpose: string, certificate: string, ...more: string[]): string =>
        execFileSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, ...more, certificate], {
          encoding: 'utf8',
        })
      try {
        assert.match(verify('sslserver', server, '-verify_hostname', 'idm.example.net'), /OK/)
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return this.skip()
        throw error
      }
      assert.match(verify('sslclient', client), /OK/)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
