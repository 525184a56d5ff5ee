/** Two gateways and one token server: A has instances that point at B, B knows the tokens' clients. */
import { join } from 'node:path'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import { writeAtomically, writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { startTokenServer, type TokenClient, type TokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'

/** Mapped to the administrator's role on B. */
export const PROXY: TokenClient = { id: 'proxy-client', secret: 'se:cr/et+%40', method: 'client_secret_basic' }
/** Known to the token server, mapped to nobody on B. */
export const STRANGER: TokenClient = { id: 'stranger', secret: 'a stranger', method: 'client_secret_basic' }
const RESOURCE_SERVER: TokenClient = { id: 'rs-client', secret: 'rs', method: 'client_secret_basic' }

export interface Pair {
  readonly a: TestGateway
  readonly b: TestGateway
  readonly tokens: TokenServer
  /** Writes an instance file of A and waits until it is in force. */
  instance(name: string, changes?: Readonly<Record<string, unknown>>): Promise<void>
}

export async function startPair(): Promise<Pair> {
  const tokens = await startTokenServer({ hostName: 'localhost', clients: [PROXY, STRANGER, RESOURCE_SERVER] })
  const conf = { 'authentication.json': authentication(tokens) }
  const plugins = [packageRoot]
  const [a, b] = await Promise.all([startGateway({ conf, plugins }), startGateway({ conf, plugins, https: true })])
  for (const { project } of [a, b]) await writeFiles(project.security, { 'truststore.pem': (await testPki()).ca })
  const token = await tokenOf(tokens, PROXY)
  for (const gateway of [a, b])
    await until(async () => (await gateway.call('/info/login', bearer(token))).status === 200)
  const instance = async (name: string, changes = {}) => {
    const before = await stateOf(a, name)
    await writeAtomically(join(a.project.conf, `external.idm-${name}.json`), { ...instanceOf(tokens, b), ...changes })
    await until(async () => (await stateOf(a, name)) !== before)
  }
  return { a, b, tokens, instance }
}

const stateOf = async (a: TestGateway, name: string) =>
  JSON.stringify((await a.call(`/external/idm?_queryFilter=_id+eq+"${name}"&_fields=since`)).json)

export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

const instanceOf = (tokens: TokenServer, b: TestGateway) => ({
  authType: 'bearer',
  instanceUrl: `${b.httpsUrl}/`,
  clientId: PROXY.id,
  clientSecret: PROXY.secret,
  tokenEndpoint: tokens.tokenEndpoint,
  tokenEndpointAuthMethod: 'client_secret_basic',
  scope: ['fr:idm:*'],
})

const authentication = (tokens: TokenServer) => ({
  rsFilter: {
    clientId: RESOURCE_SERVER.id,
    clientSecret: RESOURCE_SERVER.secret,
    tokenIntrospectUrl: tokens.introspectionEndpoint,
    scopes: ['fr:idm:*'],
    cache: { maxTimeout: '300 seconds' },
    staticUserMapping: [
      {
        subject: `(age!${PROXY.id})`,
        localUser: 'internal/user/idm-provisioning',
        roles: ['internal/role/openidm-admin'],
      },
    ],
  },
})

/** A token as the client itself would fetch it. */
export async function tokenOf(tokens: TokenServer, { id, secret }: TokenClient): Promise<string> {
  const credentials = [id, secret].map((part) => encodeURIComponent(part)).join(':')
  const { json } = await request(tokens.tokenEndpoint, {
    method: 'POST',
    ca: (await testPki()).ca,
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials&scope=fr%3Aidm%3A*',
  })
  return (json as { access_token: string }).access_token
}
