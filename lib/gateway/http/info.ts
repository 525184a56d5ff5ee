/** `info/…` and `health`: caller, version and readiness. */
import type { Disposable, HttpHandler, JsonObject } from '../../contract.ts'
import { notFound, serviceUnavailable } from '../../crest/errors.ts'
import { sendError, sendJson } from '../../crest/http/http.ts'
import type { RequestContext, Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { ServerState } from './server-state.ts'

/** The IDM version whose interface the gateway implements; clients use it to detect features. */
const PRODUCT_VERSION = '8.1.0'

export interface InfoOptions {
  readonly state: ServerState
  /** The version of this package. */
  readonly version: string
}

/** Adds `info` and `health` to the router. */
export function addInfo(router: ResourceRouter, options: InfoOptions): Disposable {
  const entries = [router.add('info', infoHandler(options)), router.add('health', healthHandler(options.state))]
  return { dispose: () => entries.forEach((entry) => void entry.dispose()) }
}

function infoHandler({ state, version }: InfoOptions): ResourceHandler {
  return {
    read: async ({ resourcePath }, context) => {
      switch (resourcePath) {
        case 'ping':
          return ping(state)
        case 'login':
          return login(context)
        case 'version':
          return fixed('version', {
            productVersion: PRODUCT_VERSION,
            productRevision: `openidm-external-idm ${version}`,
          })
        default:
          throw notFound(`Resource 'info/${resourcePath}' not found`)
      }
    },
  }
}

const healthHandler = (state: ServerState): ResourceHandler => ({
  read: async ({ resourcePath }) => {
    if (resourcePath !== '') throw notFound(`Resource 'health/${resourcePath}' not found`)
    return ping(state)
  },
})

/** Serves `health/live` and `health/ready`. Not resources: the response is `{}`, and a resource would have an `_id`. */
export const healthProbes =
  (state: ServerState): HttpHandler =>
  (request, response, next) => {
    const [path] = (request.url ?? '').split('?')
    if (request.method !== 'GET' && request.method !== 'HEAD') return next()
    if (path !== '/health/live' && path !== '/health/ready') return next()
    if (path === '/health/live' || state.ready) return sendJson(response, 200, {})
    sendError(response, notReady(state))
  }

/** The response while the gateway starts or stops. */
export const notReady = ({ name, shortDesc }: ServerState) =>
  serviceUnavailable('Service Unavailable', { detail: { shortDesc, state: name } })

function ping(state: ServerState): Resource {
  if (!state.ready) throw notReady(state)
  return { id: '', revision: '', content: { shortDesc: state.shortDesc, state: state.name } }
}

function login({ security, http }: RequestContext): Resource {
  if (!security) throw notFound("Resource 'info/login' not found: the request is not authenticated")
  const { authenticationId, authorization } = security
  // With a bearer token, IDM returns id, component and roles only.
  const details: JsonObject = authorization.moduleId ? { authLogin: false, ipAddress: http?.remoteAddress ?? '' } : {}
  return fixed('login', {
    authenticationId,
    authorization: { ...authorization, roles: [...authorization.roles], ...details },
  })
}

const fixed = (id: string, content: Resource['content']): Resource => ({ id, revision: null, content })
