import type { X509Certificate } from 'node:crypto'
import { type ConnectionSettings, openTls } from '../../core/http/connection.ts'
import { codeOf, faultOf } from '../../core/http/fault.ts'
import { chainOf } from '../../trust/certificate.ts'
import { explainTrustFailure, type TrustFailure } from '../../trust/certificate-failure.ts'
import type { Instance } from '../instance/instance.ts'

/** A server whose certificate is refused. */
export interface RefusedServer {
  readonly url: URL
  /** The certificates that it presents, its own first; empty if they cannot be fetched. */
  readonly chain: readonly X509Certificate[]
  readonly failure: TrustFailure
}

/**
 * Connects to a server and verifies its certificate; nothing is sent.
 * @param truststore path of the trust store, for the commands in a cure
 * @returns undefined when the certificate is accepted
 * @throws DeadlineError, ForwardProxyError, or the error of the socket, when no TLS connection can be made
 */
export async function refusedServer(
  url: URL,
  settings: ConnectionSettings,
  truststore: string,
): Promise<RefusedServer | undefined> {
  try {
    const socket = await openTls(url, settings)
    socket.destroy()
    return undefined
  } catch (error) {
    if (!isTrustFailure(error)) throw error
    const chain = await presentedChain(url, settings)
    return { url, chain, failure: explainTrustFailure(codeOf(error) ?? '', chain, truststore) }
  }
}

export const isTrustFailure = (error: unknown): boolean => faultOf(error).startsWith('certificate')

/** The servers that an instance connects to by TLS: the remote and its token endpoint, once if they are the same. */
export function tlsServers({ url, properties }: Instance): URL[] {
  const urls = properties.authType === 'bearer' ? [url, new URL(properties.tokenEndpoint)] : [url]
  const secure = urls.filter(({ protocol }) => protocol === 'https:')
  return secure.filter(({ origin }, index) => secure.findIndex((other) => other.origin === origin) === index)
}

/** The certificates that a server presents, its own first; empty if they cannot be fetched. Nothing is verified or sent. */
export async function presentedChain(url: URL, settings: ConnectionSettings): Promise<X509Certificate[]> {
  try {
    const socket = await openTls(url, settings, { rejectUnauthorized: false })
    const chain = chainOf(socket.getPeerCertificate(true))
    socket.destroy()
    return chain
  } catch {
    // Without a chain the explanation is shorter.
    return []
  }
}
