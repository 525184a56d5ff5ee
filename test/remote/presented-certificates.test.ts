import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { ANONYMOUS, startGateway } from '../gateway/parts.ts'

interface Presented {
  readonly servers: readonly {
    readonly host: string
    readonly trusted: boolean
    readonly reason?: string
    readonly cure?: string
    readonly chain: readonly { readonly fingerprint: string; readonly anchor: boolean; readonly subject: string }[]
  }[]
}

const PATH = '/security/truststore/presented/eu'

/** A gateway with an instance whose certificate it does not trust. */
async function untrusted() {
  const remote = await startGateway({ https: true })
  const instanceUrl = `${remote.httpsUrl.replace('127.0.0.1', 'localhost')}/`
  const instance = { authType: 'basic', instanceUrl, userName: 'openidm-admin', password: 'x' }
  const gateway = await startGateway({ conf: { 'external.idm-eu.json': instance }, plugins: [packageRoot] })
  const presented = async () => (await gateway.call(PATH)).json as Presented
  const trust = (fingerprint: unknown, headers?: Record<string, string>) =>
    gateway.call(`${PATH}?_action=trust`, { method: 'POST', json: { fingerprint }, ...(headers && { headers }) })
  return { ...gateway, presented, trust }
}

describe('the certificates that an instance presents', () => {
  it('are shown with what is wrong, and trusted by their fingerprint', async () => {
    const { presented, trust, project, call } = await untrusted()
    const [server] = (await presented()).servers
    assert.equal(server?.trusted, false)
    assert.match(server?.reason ?? '', /is not trusted/)
    assert.ok(server?.cure)
    const anchor = server?.chain.find((one) => one.anchor)
    const { status, json } = await trust(anchor?.fingerprint.toLowerCase().replaceAll(':', ''))
    assert.equal(status, 200)
    assert.deepEqual(
      (json as Presented).servers.map(({ trusted }) => trusted),
      [true],
    )
    assert.match(await readFile(join(project.security, 'truststore.pem'), 'utf8'), /BEGIN CERTIFICATE/)
    const checked = (await call('/external/idm/eu?_action=test', { method: 'POST' })).json as {
      steps: { step: string; ok: boolean }[]
    }
    assert.equal(checked.steps.find(({ step }) => step === 'certificate')?.ok, true)
  })

  it('are not trusted for another fingerprint, twice, or for what is none', async () => {
    const { presented, trust } = await untrusted()
    const other = await trust('ab'.repeat(32))
    assert.equal(other.status, 409)
    for (const wrong of ['', 'x', 7, undefined]) assert.equal((await trust(wrong)).status, 400)
    const fingerprint = (await presented()).servers[0]?.chain.at(-1)?.fingerprint
    assert.equal((await trust(fingerprint)).status, 200)
    assert.equal((await trust(fingerprint)).status, 409)
  })

  it('are for administrators', async () => {
    const { call, trust } = await untrusted()
    assert.ok([401, 403].includes((await call(PATH, { headers: ANONYMOUS })).status))
    assert.ok([401, 403].includes((await trust('ab'.repeat(32), ANONYMOUS)).status))
  })

  it('are those of instances that are there', async () => {
    const { call } = await untrusted()
    assert.equal((await call('/security/truststore/presented/none')).status, 404)
    assert.equal((await call('/security/truststore')).status, 404)
    assert.equal((await call(`${PATH}?_action=other`, { method: 'POST' })).status, 400)
  })
})
