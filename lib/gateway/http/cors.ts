import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CorsPolicy } from '../configuration/cors-settings.ts'

const METHODS = 'GET, POST, PUT, PATCH, DELETE'

/**
 * Lets web pages of the origins named call the gateway.
 * @returns true when the request was a preflight and is answered; it carries no credentials, so it comes before all else
 */
export function allowOrigin(policy: CorsPolicy, request: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = request.headers
  if (policy.allowedOrigins.length === 0) return false
  response.setHeader('Vary', 'Origin')
  if (origin === undefined || !policy.allowedOrigins.includes(origin)) return false
  response.setHeader('Access-Control-Allow-Origin', origin)
  if (policy.allowCredentials) response.setHeader('Access-Control-Allow-Credentials', 'true')
  response.setHeader('Access-Control-Expose-Headers', policy.exposedHeaders.join(', '))
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false
  response.writeHead(204, {
    'Access-Control-Allow-Methods': METHODS,
    'Access-Control-Allow-Headers': policy.allowedHeaders.join(', '),
    'Access-Control-Max-Age': policy.maxAge,
  })
  response.end()
  return true
}
