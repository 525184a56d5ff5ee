import type { Connection } from '../../crest/protocol/connection.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import { authentication } from './authentication.ts'
import { cluster } from './cluster.ts'
import { features } from './features.ts'
import { memory, operatingSystem } from './health.ts'
import { internalRoles } from './internal-roles.ts'
import { system } from './system.ts'

export interface EndpointsOptions {
  /** `openidm.node.id`. */
  readonly nodeId: () => string
  readonly connection: Connection
}

/** Adds the endpoints that tools expect of an IDM (docs/operations.md#endpoints-for-tools). */
export function addEndpoints(router: ResourceRouter, { nodeId, connection }: EndpointsOptions): void {
  const handlers: Readonly<Record<string, ResourceHandler>> = {
    authentication,
    cluster: cluster(nodeId),
    'health/memory': memory,
    'health/os': operatingSystem,
    'info/features': features(connection),
    'internal/role': internalRoles,
    system,
  }
  for (const [route, handler] of Object.entries(handlers)) router.add(route, handler)
}
