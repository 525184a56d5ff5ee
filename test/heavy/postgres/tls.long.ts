import assert from 'node:assert/strict'
import { chmod, chown, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAuthority, issueCertificate } from '../../../examples/demo/certificate-authority.ts'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import { onCleanUp, ownedBySuite } from '../../helpers/clean-up.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { startServer } from './server.ts'

/** Has a server encrypt connections from now on, with a certificate for these hosts. */
async function encrypt(url: string, authority: Awaited<ReturnType<typeof createAuthority>>, hosts: string[]) {
  const { certificate, key } = await issueCertificate(authority, { hosts })
  const client = createClient({ url })
  await client.connect()
  const { rows } = await client.query<{ folder: string }>(`select current_setting('data_directory') as folder`)
  const folder = rows[0]?.folder ?? ''
  const { uid, gid } = await stat(folder)
  for (const [name, content] of [
    ['server.crt', certificate],
    ['server.key', key],
  ] as const) {
    const file = join(folder, name)
    await writeFile(file, content)
    await chown(file, uid, gid)
    await chmod(file, 0o600)
  }
  await client.query('alter system set ssl = on')
  await client.query('select pg_reload_conf()')
  await client.end()
}

describe('TLS to PostgreSQL', () => {
  ownedBySuite()
  let url: string
  let files: string
  before(async () => {
    const [authority, other] = [await createAuthority('Test CA'), await createAuthority('Other CA')]
    files = await tempDirWith({ 'ca.pem': authority.certificate, 'other.pem': other.certificate })
    url = (await startServer(onCleanUp)).url.replace('127.0.0.1', 'localhost')
    await encrypt(url, authority, ['localhost'])
  })

  /** Whether the connection is encrypted. */
  const connect = async (parameters: string, host = 'localhost'): Promise<unknown> => {
    const client = createClient({ url: `${url.replace('localhost', host)}?${parameters}` })
    client.on('error', () => undefined)
    try {
      await client.connect()
      const text = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
      return (await client.query<{ ssl: boolean }>(text)).rows[0]?.ssl
    } finally {
      await client.end()
    }
  }

  for (const mode of ['require', 'verify-ca', 'verify-full'])
    it(`${mode} verifies the certificate and the host name`, async () => {
      assert.equal(await connect(`sslmode=${mode}&sslrootcert=${files}/ca.pem`), true)
      await assert.rejects(
        connect(`sslmode=${mode}&sslrootcert=${files}/other.pem`),
        /self-signed|unable to verify|issuer/,
      )
      await assert.rejects(connect(`sslmode=${mode}`), /self-signed|unable to verify|issuer/)
      await assert.rejects(connect(`sslmode=${mode}&sslrootcert=${files}/ca.pem`, '127.0.0.1'), /IP: 127\.0\.0\.1/)
    })

  it('no-verify encrypts, and disable does not', async () => {
    assert.equal(await connect('sslmode=no-verify'), true)
    assert.equal(await connect('sslmode=disable'), false)
  })
})
