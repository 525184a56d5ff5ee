import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { main } from '../../lib/cli/cli.ts'
import { reply } from '../helpers/behaviours.ts'
import { tempDirWith } from '../helpers/files.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { hasTerminal, typedAtTerminal } from '../helpers/terminal.ts'

interface Stage {
  readonly cwd: string
  readonly remote: Remote
  readonly bundle: string
  readonly authority: X509Certificate
  readonly own: X509Certificate
  run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>
}

/** A project whose instance `eu` presents a certificate of an unknown authority. */
async function stage({ sendsAuthority = true, host = '127.0.0.1' } = {}): Promise<Stage> {
  const { unknown, unknownAuthority } = await testPki()
  const pair = await unknown(host)
  const sent = sendsAuthority ? `${pair.certificate}${unknownAuthority.certificate}` : pair.certificate
  const remote = await startRemote({
    tls: { key: pair.key, certificate: sent },
    behaviour: reply({ body: { result: [] } }),
  })
  const eu = { authType: 'basic', instanceUrl: remote.url, userName: 'svc', password: 'pw' }
  const cwd = await tempDirWith({
    'conf/external.idm-eu.json': eu,
    'conf/external.idm-http.json': { ...eu, instanceUrl: 'http://127.0.0.1:1/' },
  })
  const bundle = join(cwd, 'security/truststore.pem')
  const run = async (...args: string[]) => {
    const printed = { stdout: '', stderr: '' }
    const into = (name: 'stdout' | 'stderr') => ({
      write(text: string) {
        printed[name] += text
      },
    })
    const io = { stdin: Readable.from([]), stdout: into('stdout'), stderr: into('stderr'), env: {}, cwd }
    return { code: await main(args, io), ...printed }
  }
  const [authority, own] = [unknownAuthority, pair].map(({ certificate }) => new X509Certificate(certificate))
  return { cwd, remote, bundle, run, authority: authority as X509Certificate, own: own as X509Certificate }
}

describe('the command trust fetch', () => {
  it('shows the chain with fingerprints, and adds nothing without a terminal', async () => {
    const { run, bundle, authority, own, remote } = await stage()
    const check = await run('check', '--project', '.')
    assert.match(check.stdout, /Or have it fetched: \S.* trust fetch eu --project /)
    const { code, stdout, stderr } = await run('trust', 'fetch', 'eu')
    assert.equal(code, 2)
    assert.match(
      stdout,
      new RegExp(`^\\n127\\.0\\.0\\.1:${remote.port} presents\\n\\n  1  "CN=127\\.0\\.0\\.1" issued by`),
    )
    for (const { fingerprint256 } of [own, authority]) assert.ok(stdout.includes(`\n     SHA-256 ${fingerprint256}\n`))
    assert.match(stderr, /is not trusted: compare a SHA-256 fingerprint .* --trust-fingerprint <sha256>/)
    assert.ok(!existsSync(bundle))
  })

  for (const which of ['authority', 'own'] as const)
    it(`adds the certificate with the given fingerprint: ${which}`, async () => {
      const one = await stage()
      const digits = one[which].fingerprint256.replaceAll(':', '').toLowerCase()
      const { code, stdout } = await one.run('trust', 'fetch', 'eu', '--trust-fingerprint', digits)
      assert.equal(code, 0, stdout)
      assert.ok(readFileSync(one.bundle, 'utf8').includes(one[which].toString().trim()))
      assert.match((await one.run('check', '--conf', 'conf')).stdout, /^eu +query +ok/m)
      assert.equal((await one.run('trust', 'fetch', 'eu')).stdout, 'eu is trusted already.\n')
      assert.deepEqual(
        one.remote.requests.map(({ method }) => method),
        ['GET'],
      )
    })

  it("adds the remote's own certificate where the authority is not sent", async () => {
    const { run, own } = await stage({ sendsAuthority: false })
    assert.equal((await run('trust', 'fetch', 'eu', '--trust-fingerprint', own.fingerprint256)).code, 0)
    assert.match((await run('trust', 'list')).stdout, /^127\.0\.0\.1 /)
  })

  it('refuses another fingerprint, and what trust does not cure', async () => {
    const { run, bundle } = await stage()
    const other = await run('trust', 'fetch', 'eu', '--trust-fingerprint', '00'.repeat(32))
    assert.deepEqual([other.code, other.stderr.includes('none of its certificates has')], [1, true])
    assert.equal((await run('trust', 'fetch', 'eu', '--trust-fingerprint', 'AA')).code, 2)
    const wrong = await stage({ host: 'other.example.org' })
    const named = await wrong.run('trust', 'fetch', 'eu', '--trust-fingerprint', wrong.authority.fingerprint256)
    assert.equal(named.code, 1)
    assert.match(named.stderr, /issued for another name: DNS:other\.example\.org/)
    assert.ok(!existsSync(bundle) && !existsSync(wrong.bundle))
  })

  it('says why there is no chain', async () => {
    const { run, remote } = await stage()
    assert.match((await run('trust', 'fetch', 'us')).stderr, /Remote instance "us" not found/)
    assert.equal((await run('trust', 'fetch', 'http')).stdout, 'http has http addresses: there is nothing to trust.\n')
    await remote.close()
    assert.match((await run('trust', 'fetch', 'eu')).stderr, /eu: it refused the connection\n$/)
  })

  for (const [keys, code] of [
    ['y', 0],
    ['\r', 1],
    ['\x03', 1],
  ] as const)
    it(`asks at a terminal: ${JSON.stringify(keys)}`, async function () {
      if (!hasTerminal) this.skip()
      const { cwd, bundle } = await stage()
      const typed = await typedAtTerminal(['trust', 'fetch', 'eu'], { cwd, answers: [['Trust certificate 2', keys]] })
      assert.deepEqual([typed.code, typed.unanswered], [code, []], typed.output)
      assert.equal(existsSync(bundle), code === 0)
      assert.match(typed.output, code === 0 ? /Trusted from now on, in / : /nothing was written/)
    })
})
