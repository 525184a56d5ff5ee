import { createHash } from 'node:crypto'
import type { HostProcesses } from '../../contract.ts'
import type { BearerProperties } from '../properties/properties.ts'
import type { Token } from './bearer.ts'

/**
 * Has one process of the host ask the token endpoint when several want a token of an instance at the same time
 * (docs/pitfalls.md#token-stampede). Two instances never share one, be their settings ever so alike; nor do old
 * settings and new ones.
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

/** Tells grants apart without telling the secret. */
function keyOf(instance: string, properties: BearerProperties): string {
  const { tokenEndpoint, clientId, clientSecret, tokenEndpointAuthMethod, scope, instanceUrl } = properties
  const grant = [instance, tokenEndpoint, clientId, clientSecret.reveal(), tokenEndpointAuthMethod, scope, instanceUrl]
  return `token ${createHash('sha256').update(JSON.stringify(grant)).digest('base64url')}`
}
