import type { IncomingMessage, ServerResponse } from 'node:http'

const METHODS = 'GET, POST, PUT, PATCH, DELETE'
const REQUEST_HEADERS = [
  'accept',
  'accept-api-version',
  'authorization',
  'content-type',
  'if-match',
  'if-none-match',
  'x-openidm-nosession',
  'x-openidm-password',
  'x-openidm-username',
  'x-requested-with',
].join(', ')
const RESPONSE_HEADERS = 'etag, location'
const PREFLIGHT_SECONDS = 600

/**
 * Lets web pages of the origins named call the gateway. Cookies are never allowed: it has no sessions.
 * @returns true when the request was a preflight and is answered; it carries no credentials, so it comes before all else
 */
export function allowOrigin(origins: readonly string[], request: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = request.headers
  if (origins.length === 0) return false
  response.setHeader('Vary', 'Origin')
  if (origin === undefined || !origins.includes(origin)) return false
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Expose-Headers', RESPONSE_HEADERS)
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false
  response.writeHead(204, {
    'Access-Control-Allow-Methods': METHODS,
    'Access-Control-Allow-Headers': REQUEST_HEADERS,
    'Access-Control-Max-Age': PREFLIGHT_SECONDS,
  })
  response.end()
  return true
}
