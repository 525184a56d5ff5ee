import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Project } from '../../lib/gateway/project/project.ts'
import { startError } from '../../lib/gateway/project/start-error.ts'
import { addToBundle, removeFromBundle } from '../../lib/trust/trust-store-bundle.ts'

const HOSTS = ['localhost', '127.0.0.1', '::1']
const DAY_MS = 86_400_000

/** The certificate authority of the demo, for `CURL_CA_BUNDLE`. */
export const authorityFile = ({ security }: Project): string => join(security, 'demo-ca.pem')

/**
 * Creates a certificate authority and server certificates for both gateways, unless valid ones exist. The key of the
 * authority is discarded, so that it cannot issue further certificates.
 */
export async function ensureCertificates(gateway: Project, remote: Project): Promise<void> {
  if (await areGood(gateway, remote)) return
  // Loaded on demand: the library takes 60 ms to load, and only this code needs it.
  const { createAuthority, issueCertificate } = await import('./certificate-authority.ts')
  const authority = await createAuthority('openidm-external-idm demo')
  await write(authorityFile(gateway), authority.certificate)
  for (const { security } of [gateway, remote]) {
    const { certificate, key } = await issueCertificate(authority, { hosts: HOSTS })
    await write(join(security, 'server-key.pem'), key, 0o600)
    await write(join(security, 'server.pem'), certificate)
  }
  await trust(gateway, authority.certificate)
}

async function areGood(gateway: Project, remote: Project): Promise<boolean> {
  try {
    const authority = new X509Certificate(await readFile(authorityFile(gateway)))
    const certificates = await Promise.all(
      [gateway, remote].map(({ security }) => readFile(join(security, 'server.pem'))),
    )
    return certificates.map((pem) => new X509Certificate(pem)).every((certificate) => isGood(certificate, authority))
  } catch {
    return false
  }
}

const isGood = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  certificate.verify(authority.publicKey) && certificate.validToDate.getTime() > Date.now() + DAY_MS

const ALIAS = 'demo-ca'

/** Adds the authority to the trust store of the gateway; other entries are kept. */
async function trust({ security }: Project, certificate: string): Promise<void> {
  const file = join(security, 'truststore.pem')
  const before = await readFile(file, 'utf8').catch(() => '')
  const others = before === '' ? '' : removeFromBundle(before, ALIAS).text
  await write(file, addToBundle(others, ALIAS, new X509Certificate(certificate)))
}

async function write(file: string, text: string, mode = 0o644): Promise<void> {
  try {
    await writeFile(file, text, { mode })
  } catch (error) {
    throw startError(file, error)
  }
}
