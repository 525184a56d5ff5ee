import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { tempDir } from './files.ts'
import { testPki, writePem } from './pki.ts'

describe('test pki', () => {
  it('is made once, and each certificate once', async () => {
    const pki = await testPki()
    assert.equal(pki, await testPki())
    assert.equal(await pki.server('a.example.net'), await pki.server('a.example.net'))
    assert.notEqual(await pki.server('a.example.net'), await pki.server('b.example.net'))
  })

  it('knows good and bad certificates', async () => {
    const pki = await testPki()
    const authority = new X509Certificate(pki.ca)
    const parse = async (pair: Promise<{ certificate: string }>): Promise<X509Certificate> =>
      new X509Certificate((await pair).certificate)
    const server = await parse(pki.server('a.example.net'))
    assert.ok(server.verify(authority.publicKey) && server.checkHost('a.example.net'))
    assert.equal((await parse(pki.server())).checkIP('127.0.0.1'), '127.0.0.1')
    assert.ok(new Date((await parse(pki.expired())).validTo).getTime() < Date.now())
    assert.ok(new Date((await parse(pki.notYetValid())).validFrom).getTime() > Date.now())
    assert.equal((await parse(pki.wrongHost())).checkHost('a.example.net'), undefined)
    assert.equal((await parse(pki.unknown())).verify(authority.publicKey), false)
    assert.equal((await parse(pki.client('me'))).subject, 'CN=me')
  })

  it('writes PEM files', async () => {
    const pki = await testPki()
    const pair = await pki.client()
    const files = await writePem(await tempDir(), 'client', pair)
    assert.equal(await readFile(files.ca, 'utf8'), pki.ca)
    assert.equal(await readFile(files.certificate, 'utf8'), pair.certificate)
    assert.equal(await readFile(files.key, 'utf8'), pair.key)
  })
})
