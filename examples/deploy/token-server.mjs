/** A minimal token server for this example: client credentials (RFC 6749) and introspection (RFC 7662). */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { unescape as decode } from 'node:querystring'

const LIFETIME_S = 300
const CLIENTS = ['gateway', 'resource-server']
const { CLIENT_SECRET, PORT = '8090', HOST = '0.0.0.0' } = process.env
if (!CLIENT_SECRET) throw new Error('CLIENT_SECRET is missing')
const tokens = new Map()

/** The authenticated client; undefined if authentication fails. */
function clientOf({ authorization = '' }) {
  const [id, secret] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':')
  return decode(secret?.replaceAll('+', ' ') ?? '') === CLIENT_SECRET && CLIENTS.includes(id) ? id : undefined
}

const endpoints = {
  '/token': (client, form) => {
    if (form.get('grant_type') !== 'client_credentials') return [400, { error: 'unsupported_grant_type' }]
    const token = randomBytes(24).toString('base64url')
    const exp = Math.floor(Date.now() / 1000) + LIFETIME_S
    tokens.set(token, { active: true, client_id: client, sub: `(age!${client})`, scope: 'fr:idm:*', exp })
    return [200, { access_token: token, token_type: 'Bearer', expires_in: LIFETIME_S, scope: 'fr:idm:*' }]
  },
  '/introspect': (_client, form) => {
    const found = tokens.get(form.get('token'))
    return [200, found && found.exp > Date.now() / 1000 ? found : { active: false }]
  },
}

const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString()
  const client = clientOf(request.headers)
  const [status, answer] = !client
    ? [401, { error: 'invalid_client' }]
    : (endpoints[request.url]?.(client, new URLSearchParams(body)) ?? [404, { error: 'not_found' }])
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
})
server.listen(Number(PORT), HOST, () => console.log(`Listening on http://127.0.0.1:${server.address().port}`))
process.once('SIGTERM', () => server.close())
