import type { LookupFunction } from 'node:net'
import type { SecureContext, SecureContextOptions } from 'node:tls'
import type { HostProcesses, Logger } from '../../contract.ts'
import type { ClientCertificateSource } from '../../trust/client-certificates.ts'
import type { ClientCertificate } from '../../trust/keystore-client.ts'

/** The certificates that remotes are trusted by, as the trust store keeps them; they may change while we run. */
export interface Trust {
  /** Made once per change of trust: a thousand instances share it, and no connection parses certificates again. */
  secureContext(own?: Pick<SecureContextOptions, 'minVersion' | 'maxVersion' | 'cert' | 'key'>): SecureContext
}

/** What instances share. */
export interface Surroundings {
  readonly trust: Trust
  /** Resolves host names; Node's own when absent. */
  readonly lookup?: LookupFunction | undefined
  /** Where `HTTPS_PROXY` and its like are looked for. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Rejects with a sentence when the certificate cannot be had. */
  readonly clientCertificate?: ((source: ClientCertificateSource) => Promise<ClientCertificate>) | undefined
  readonly log?: Logger | undefined
  /** The other processes of the host: one of them asks a token endpoint for all that want the same token. */
  readonly processes?: HostProcesses | undefined
}
