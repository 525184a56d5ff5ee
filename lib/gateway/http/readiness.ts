import type { HttpHandler } from '../../contract.ts'
import { serviceUnavailable } from '../../crest/errors.ts'
import { sendError, sendJson } from '../../crest/http/http.ts'
import { connect } from '../../crest/protocol/connection.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { HostConfiguration } from '../configuration/host-configuration.ts'
import type { ServerState } from './server-state.ts'

export interface ReadinessOptions {
  readonly state: ServerState
  readonly configuration: Pick<HostConfiguration, 'directory' | 'settings'>
  readonly router: ResourceRouter
}

const INSTANCES = 'external/idm'

/** What is wrong; a member is absent when nothing is. Numbers only, since anonymous callers may see it. */
interface Report {
  readonly configurationFaults?: number
  readonly failingInstances?: number
}

/**
 * Serves `health/ready`: 503 when the gateway does not serve requests, its database cannot be written, or what
 * `readinessChecks` names is wrong; otherwise 200 with what is wrong all the same.
 */
export function readinessProbe({ state, configuration, router }: ReadinessOptions): HttpHandler {
  const report = async (): Promise<Report> => {
    const faults = configuration.directory.faults().size
    const failing = router.routes(INSTANCES) ? await failingIn(router) : 0
    return { ...(faults > 0 && { configurationFaults: faults }), ...(failing > 0 && { failingInstances: failing }) }
  }
  const isUnready = ({ configurationFaults, failingInstances }: Report): boolean => {
    const checks = configuration.settings.value.readinessChecks
    return (
      (configurationFaults !== undefined && checks.includes('configuration')) ||
      (failingInstances !== undefined && checks.includes('instances'))
    )
  }
  return (request, response, next) => {
    const isProbe = request.method === 'GET' || request.method === 'HEAD'
    // The state itself is for the probe of the state.
    if (!isProbe || request.url?.split('?')[0] !== '/health/ready' || !state.ready) return next()
    report().then(
      (found) => {
        if (!isUnready(found)) return sendJson(response, 200, found)
        const detail = {
          shortDesc: 'OpenIDM has faults that readinessChecks names',
          state: 'ACTIVE_NOT_READY',
          ...found,
        }
        sendError(response, serviceUnavailable('Service Unavailable', { detail }))
      },
      (error: unknown) => sendError(response, error),
    )
  }
}

async function failingIn(router: ResourceRouter): Promise<number> {
  const { result } = await connect(router, {}).query(INSTANCES, { _queryFilter: 'state eq "FAILING"' })
  return result.length
}
