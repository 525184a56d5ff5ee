import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { inspect } from 'node:util'
import { type ClientCertificate, readClientCertificate } from '../../lib/trust/keystore-client.ts'
import { KeystoreError } from '../../lib/trust/keystore-error.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { testPki } from '../helpers/pki.ts'

const read = (name: string) => readFile(join(import.meta.dirname, '../fixtures/keystores', name))

/** The common name that a server which demands certificates sees. */
async function nameSeen({ cert, key }: ClientCertificate, authority: string): Promise<string> {
  const pki = await testPki()
  const own = await pki.server()
  const server = createServer(
    { cert: own.certificate, key: own.key, ca: authority, requestCert: true, rejectUnauthorized: true },
    (socket) => socket.end(String(socket.getPeerCertificate().subject.CN)),
  )
  server.listen(0, '127.0.0.1')
  onCleanUp(() => server.close())
  await once(server, 'listening')
  const socket = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ca: pki.ca,
    cert,
    key: key.reveal(),
  })
  const [data] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return data.toString()
}

describe('client certificates', () => {
  for (const [name, authority, expected] of [
    ['client.p12', 'ca.pem', 'Example client'],
    ['client.jks', 'ca.pem', 'Example client'],
    ['client-ec-openssl.p12', 'ca-ec.pem', 'Example EC client'],
  ] as const)
    it(`${name} opens a server that demands one`, async () => {
      const client = await readClientCertificate({ file: name, bytes: await read(name), password: 'changeit' })
      assert.equal(await nameSeen(client, (await read(authority)).toString()), expected)
      assert(!inspect(client, { depth: 5 }).includes('PRIVATE KEY'))
    })

  it('PEM, in any order, with an encrypted key', async () => {
    const pki = await testPki()
    const { certificate, key } = await pki.client('pem-client')
    const encrypted = createPrivateKey(key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open',
    })
    for (const text of [certificate + key, key + pki.ca + certificate, `${encrypted}${certificate}`]) {
      const client = await readClientCertificate({ file: 'client.pem', bytes: Buffer.from(text), password: 'open' })
      assert.equal(await nameSeen(client, pki.ca), 'pem-client')
    }
    const bytes = Buffer.from(`${encrypted}${certificate}`)
    await assert.rejects(
      readClientCertificate({ file: 'client.pem', bytes, password: 'canary' }),
      (error: KeystoreError) => {
        return error.fault === 'password' && !inspect(error).includes('canary')
      },
    )
  })

  it('says what is missing', async () => {
    const pki = await testPki()
    const [one, two] = [await pki.client('one'), await pki.client('two')]
    const store = { file: 'client.p12', bytes: await read('client.p12'), password: 'changeit' }
    const pem = (text: string) => ({ file: 'client.pem', bytes: Buffer.from(text), password: '' })
    const rows = [
      [{ ...store, alias: 'other' }, /^client\.p12: holds no private key named "other"$/],
      [{ ...store, file: 'x', bytes: await read('keytool.p12') }, /^x: holds no private key$/],
      [pem(one.certificate), /^client\.pem: holds no private key; put it/],
      [pem(one.certificate + two.key), /not the certificate that belongs to it$/],
      [pem('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'), /its private key is damaged/],
    ] as const
    for (const [source, message] of rows)
      await assert.rejects(readClientCertificate(source), (error: Error) => {
        assert(error instanceof KeystoreError)
        assert.match(error.message, message)
        return true
      })
    assert((await readClientCertificate({ ...store, alias: 'CLIENT' })).cert)
  })
})
