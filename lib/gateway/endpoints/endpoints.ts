import type { ConfigDirectory } from '../../config/files/directory.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { badRequest, forbidden } from '../../crest/errors.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import type { Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { RecentErrors } from '../project/recent-errors.ts'
import { memory, operatingSystem } from './health.ts'
import { listed, missing, resource } from './listed.ts'
import type { GatewayNodes } from './nodes.ts'
import { faults, recentErrors } from './state.ts'

export interface EndpointsOptions {
  readonly nodes: GatewayNodes
  readonly connection: Connection
  readonly directory: ConfigDirectory
  readonly recent: RecentErrors
}

/** Adds the endpoints that tools expect of an IDM (docs/operations.md#endpoints-for-tools). */
export function addEndpoints(router: ResourceRouter, { connection, directory, recent, nodes }: EndpointsOptions): void {
  const handlers: Readonly<Record<string, ResourceHandler>> = {
    authentication,
    cluster: nodes.handler(),
    'gateway/faults': faults(directory),
    'gateway/log': recentErrors(recent),
    'health/memory': memory,
    'health/os': operatingSystem,
    'info/features': features(connection),
    'internal/role': internalRoles,
    system,
  }
  for (const [route, handler] of Object.entries(handlers)) router.add(route, handler)
}

/**
 * `POST authentication?_action=reauthenticate` with the caller's password in `X-OpenIDM-Reauth-Password`:
 * `{ "reauthenticated": true }`; 403 without the header and for a wrong password, 429 as for logins.
 */
const authentication: ResourceHandler = {
  action: async ({ resourcePath, action }, { reauthenticate, security }) => {
    if (resourcePath !== '') throw missing('authentication', resourcePath)
    if (action !== 'reauthenticate') throw badRequest(`Action ${action} on authentication service not supported`)
    if (!reauthenticate) throw forbidden('Reauthentication failed, missing or empty headers')
    if (!(await reauthenticate())) throw forbidden(`Reauthentication failed for ${security?.authenticationId}`)
    return { reauthenticated: true }
  },
}

/** Features of IDM that this gateway does not have. */
const ABSENT = ['email', 'passwordReset', 'registration', 'retrieveUsername', 'workflow']

const feature = (name: string, endpoints: string[]): Resource =>
  resource(name, { name, enabled: endpoints.length > 0, endpoints })

/** `info/features?_queryFilter=true`: `{ "name", "enabled", "endpoints" }` for each. */
const features = (connection: Connection): ResourceHandler =>
  listed('info/features', async () => {
    const configured = connection.queryAll('config', { _queryFilter: '_id sw "endpoint/"' }, ['_id', 'context'])
    const endpoints: string[] = []
    for await (const endpoint of configured) endpoints.push(routeOf(endpoint))
    return [feature('endpoint', endpoints), ...ABSENT.map((name) => feature(name, []))]
  })

const routeOf = ({ _id, context }: JsonObject): string => (typeof context === 'string' ? context : String(_id))

/** Descriptions of the built-in roles. */
const ROLES: Readonly<Record<string, string>> = {
  'openidm-admin': 'Administrative access',
  'openidm-authorized': 'Basic minimum user',
  'openidm-cert': 'Authenticated via certificate',
  'openidm-reg': 'Anonymous access',
  'openidm-tasks-manager': 'Allowed to reassign workflow tasks',
  'platform-provisioning': 'Platform provisioning access',
}

const roles = Object.entries(ROLES).map(([name, description]) =>
  resource(name, { name, description, condition: null, temporalConstraints: [], privileges: [] }),
)

/** `internal/role`: the built-in roles, read-only. */
const internalRoles = listed('internal/role', () => roles)

/** The responses of an IDM without connectors. */
const ANSWERS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ['test', []],
  ['testConnectorServers', { openicf: [] }],
  ['availableConnectors', { connectorRef: [] }],
])

/** `system`: there are no connectors. */
const system: ResourceHandler = {
  read: async ({ resourcePath }) => {
    throw missing('system', resourcePath)
  },
  query: async ({ resourcePath }) => {
    throw missing('system', resourcePath)
  },
  action: async ({ resourcePath, action }) => {
    if (resourcePath !== '') throw missing('system', resourcePath)
    const answer = ANSWERS.get(action)
    if (answer === undefined) throw badRequest(`Unsupported action: ${action}`)
    return answer
  },
}
