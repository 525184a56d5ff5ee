import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'

/**
 * The authorities that the gateway's own HTTPS requests trust: Node's, and those in `security/truststore.pem`. Read
 * anew each time, since a renewed authority must not need a restart.
 * @returns PEM certificates; undefined when there is no truststore
 */
export async function trustedAuthorities(security: string): Promise<string[] | undefined> {
  try {
    return [...getCACertificates('default'), await readFile(join(security, 'truststore.pem'), 'utf8')]
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
