/** `info/…` and `health`: who am I, which version is this, is it ready. */
import type { Disposable, HttpHandler, JsonObject } from '../../contract.ts'
import { notFound, serviceUnavailable } from '../../crest/errors.ts'
import { sendError, sendJson } from '../../crest/http/http.ts'
import type { RequestContext, Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { ServerState } from './server-state.ts'

/** The interface that the gateway follows; clients read it to know what they may ask for. */
const PRODUCT_VERSION = '8.1.0'

export interface InfoOptions {
  readonly state: ServerState
  /** The version of this package. */
  readonly version: string
}

/** Puts `info` and `health` on the router. */
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

/** `health/live` and `health/ready` answer `{}`, which no resource can: it would carry an `_id`. */
export const healthProbes =
  (state: ServerState): HttpHandler =>
  (request, response, next) => {
    const [path] = (request.url ?? '').split('?')
    if (request.method !== 'GET' && request.method !== 'HEAD') return next()
    if (path !== '/health/live' && path !== '/health/ready') return next()
    if (path === '/health/live' || state.ready) return sendJson(response, 200, {})
    sendError(response, notReady(state))
  }

/** The answer while the gateway starts or stops. */
export const notReady = ({ name, shortDesc }: ServerState) =>
  serviceUnavailable('Service Unavailable', { detail: { shortDesc, state: name } })

function ping(state: ServerState): Resource {
  if (!state.ready) throw notReady(state)
  return { id: '', revision: '', content: { shortDesc: state.shortDesc, state: state.name } }
}

function login({ security, http }: RequestContext): Resource {
  if (!security) throw notFound("Resource 'info/login' not found: nobody is signed in")
  const { authenticationId, authorization } = security
  // With a bearer token IDM shows id, component and roles only.
  const details: JsonObject = authorization.moduleId ? { authLogin: false, ipAddress: http?.remoteAddress ?? '' } : {}
  return fixed('login', {
    authenticationId,
    authorization: { ...authorization, roles: [...authorization.roles], ...details },
  })
}

const fixed = (id: string, content: Resource['content']): Resource => ({ id, revision: null, content })
