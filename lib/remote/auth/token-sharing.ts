import { createHash } from 'node:crypto'
import type { HostProcesses } from '../../contract.ts'
import type { BearerProperties } from '../properties/properties.ts'
import type { Token } from './bearer.ts'

/**
 * Makes one process of the host request the token when several need a token of an instance at the same time
 * (docs/pitfalls.md#token-stampede). Different instances never share a token, even with equal settings; neither do old
 * and new settings.
 */
export function sharedFetcher(
  processes: HostProcesses | undefined,
  instance: string,
  properties: BearerProperties,
  fetchToken: () => Promise<Token>,
): () => Promise<Token> {
  if (!processes) return fetchToken
  const key = keyOf(instance, properties)
  return async () => {
    const token = await processes.share(key, async () => ({ ...(await fetchToken()) }))
    return token as unknown as Token
  }
}

/** Identifies a grant without revealing the secret. */
function keyOf(instance: string, properties: BearerProperties): string {
  const { tokenEndpoint, clientId, clientSecret, tokenEndpointAuthMethod, scope, instanceUrl } = properties
  const grant = [instance, tokenEndpoint, clientId, clientSecret.reveal(), tokenEndpointAuthMethod, scope, instanceUrl]
  return `token ${createHash('sha256').update(JSON.stringify(grant)).digest('base64url')}`
}
