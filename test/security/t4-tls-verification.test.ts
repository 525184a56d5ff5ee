import assert from 'node:assert/strict'
import type { KeyPair } from '../../examples/demo/certificate-authority.ts'
import { type TestPki, testPki } from '../helpers/pki.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { basicOf, bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'

const IDM = 'idm.example.com'
const AM = 'am.example.com'

/** Certificates that must be refused, and the words by which the caller learns why. */
const BAD: [title: string, make: (pki: TestPki, host: string) => Promise<KeyPair>, message: RegExp][] = [
  ['of an unknown authority', (pki, host) => pki.unknown(host), /: its certificate is not trusted; /],
  ['that has expired', (pki, host) => pki.expired(host), /: its certificate has expired$/],
  ['that is not valid yet', (pki, host) => pki.notYetValid(host), /: its certificate is not valid yet$/],
  ['of another host', (pki) => pki.wrongHost(), /: its certificate was issued for another host name$/],
]

const messageOf = (json: unknown): string => (json as { message: string }).message

describe('T4 TLS is verified by default', () => {
  for (const [title, make, message] of BAD) {
    it(`a remote with a certificate ${title} gets nothing`, async () => {
      const remote = await startTlsRemote({ tls: await make(await testPki(), IDM) })
      const idm = await startIdm({ eu: basicOf(remote) })
      const { status, json } = await idm.call('eu/managed/user', { method: 'POST', json: {} })
      assert.equal(status, 502)
      assert.match(messageOf(json), message)
      assert.match(messageOf(json), /^Remote instance "eu": /)
      const check = await idm.call('eu?_action=test', { method: 'POST' })
      assert.equal((check.json as { ok: boolean }).ok, false)
      assert.equal(remote.requests.length, 0)
    })

    it(`a token server with a certificate ${title} gets nothing`, async () => {
      const tokens = await startTokenServer({ tls: await make(await testPki(), AM) })
      const remote = await startTlsRemote()
      const idm = await startIdm({ eu: bearerOf(remote, tokens) })
      const { status, json } = await idm.call('eu/x')
      assert.equal(status, 502)
      assert.match(messageOf(json), message)
      assert.match(messageOf(json), /^Token endpoint of remote instance "eu": /)
      assert.equal(tokens.remote.requests.length, 0)
      assert.equal(remote.requests.length, 0)
    })
  }

  it('hostnameVerifier ALLOW_ALL lets another name pass, and nothing else', async () => {
    const pki = await testPki()
    const other = await startTlsRemote({ tls: await pki.wrongHost() })
    const unknown = await startTlsRemote({ tls: await pki.unknown(IDM) })
    const expired = await startTlsRemote({ tls: await pki.expired(IDM) })
    const more = { hostnameVerifier: 'ALLOW_ALL' }
    const idm = await startIdm({
      other: basicOf(other, more),
      unknown: basicOf(unknown, more),
      expired: basicOf(expired, more),
    })
    const statuses = await Promise.all(['other/x', 'unknown/x', 'expired/x'].map((path) => idm.call(path)))
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [200, 502, 502],
    )
    assert.ok(
      idm.log
        .messages('warn')
        .includes('remote instance "other": hostnameVerifier ALLOW_ALL: any trusted host may answer'),
    )
  })

  it('dangerouslySkipTlsVerify is the only way round, for both servers, and warns', async () => {
    const pki = await testPki()
    const tokens = await startTokenServer({ tls: await pki.unknown(AM) })
    const remote = await startTlsRemote({ tls: await pki.expired(IDM) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens, { dangerouslySkipTlsVerify: true }) })
    assert.equal((await idm.call('eu/x')).status, 200)
    const warning = 'remote instance "eu": dangerouslySkipTlsVerify: the remote is not authenticated at all'
    assert.ok(idm.log.messages('warn').includes(warning))
  })

  it('a version that the remote does not speak is a TLS fault', async () => {
    const tls = { ...(await (await testPki()).server(IDM)), versions: { maxVersion: 'TLSv1.2' as const } }
    const remote = await startTlsRemote({ tls })
    const idm = await startIdm({ eu: basicOf(remote, { tlsVersion: 'TLSv1.3' }), old: basicOf(remote) })
    const { status, json } = await idm.call('eu/x')
    assert.deepEqual([status, messageOf(json)], [502, 'Remote instance "eu": the TLS handshake failed'])
    assert.equal((await idm.call('old/x')).status, 200)
  })
})
