import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CorsPolicy } from '../configuration/cors-settings.ts'

const METHODS = 'GET, POST, PUT, PATCH, DELETE'

/**
 * Adds CORS headers for allowed origins and answers preflights, which carry no credentials and therefore precede
 * authentication.
 * @returns true if the request was a preflight and has been answered
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
