import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { KeyPair } from '../../examples/demo/certificate-authority.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { unauthorized } from '../../lib/crest/errors.ts'
import { crestHttp } from '../../lib/crest/http/http.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { type Connection, connect } from '../../lib/crest/protocol/connection.ts'
import type { RequestContext, ResourceHandler } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { InstanceRegistry } from '../../lib/remote/instance/registry.ts'
import { remoteResource } from '../../lib/remote/resource/resource.ts'
import { reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { toLoopback } from '../helpers/http.ts'
import { type MemoryLog, memoryLog } from '../helpers/log.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'

export const FILTER = { _queryFilter: 'true' }
export const COLLECTION = 'external/idm/eu/managed/user'

export interface Gateway {
  readonly registry: InstanceRegistry
  readonly router: ResourceRouter
  readonly connection: Connection
  readonly log: MemoryLog
  /** Takes other properties of the instance `eu` into force; none = it is removed. */
  configure(properties?: object): Promise<void>
}

/** A gateway without HTTP whose instance `eu` has these properties; every host name is this machine. */
export async function startGateway(properties: object, context: RequestContext = {}): Promise<Gateway> {
  const log = memoryLog()
  const { ca } = await testPki()
  const secureContext = createSecureContext({ ca })
  const registry = new InstanceRegistry({ trust: { secureContext: () => secureContext }, lookup: toLoopback }, log)
  onCleanUp(() => registry.close())
  const router = new ResourceRouter()
  router.add('external/idm', remoteResource(registry, 'security/truststore'))
  const configure = (content?: object) => {
    const file = 'external.idm-eu.json'
    const object = { id: 'external.idm/eu', alias: 'eu', file, content: content as JsonObject }
    return registry.apply(content ? [object] : [])
  }
  await configure(properties)
  return { registry, router, connection: connect(router, context), log, configure }
}

/** The properties of an instance with basic authentication at `url`. */
export const basic = (url: string, more: object = {}): object => ({
  authType: 'basic',
  instanceUrl: url,
  userName: 'svc',
  password: 'pä:ss',
  ...more,
})

/** A gateway before a remote that answers everything with `body`, and records. */
export async function startRecording(
  body: unknown,
  context: RequestContext = {},
): Promise<Gateway & { remote: Remote }> {
  const remote = await startRemote({ behaviour: reply({ body }) })
  return { remote, ...(await startGateway(basic(remote.url), context)) }
}

/** Accepts what `basic` sends. */
export const acceptsBasic = (authorization: string | undefined): boolean =>
  authorization === `Basic ${Buffer.from('svc:pä:ss').toString('base64')}`

export interface CrestServerOptions {
  readonly accepts: (authorization: string | undefined) => boolean
  readonly tls?: KeyPair
  readonly hostName?: string
  /** By route; a collection in memory at `managed/user` unless given. */
  readonly handlers?: Readonly<Record<string, ResourceHandler>>
}

/** Serves resources as a remote does, at `/openidm/`. @returns its base address */
export async function startCrestServer(options: CrestServerOptions): Promise<string> {
  const { accepts, tls, hostName = '127.0.0.1', handlers = { 'managed/user': new MemoryCollection() } } = options
  const router = new ResourceRouter()
  for (const [route, handler] of Object.entries(handlers)) router.add(route, handler)
  const contextOf = ({ headers }: IncomingMessage) => {
    if (!accepts(headers.authorization)) throw unauthorized('Access Denied')
    return {}
  }
  const handler = crestHttp({ router, contextOf })
  const server = tls ? createTlsServer({ key: tls.key, cert: tls.certificate }) : createServer()
  server.on('request', (request, response) => {
    request.url = request.url?.replace(/^\/openidm/, '')
    handler(request, response, () => response.writeHead(404).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  return `${tls ? 'https' : 'http'}://${hostName}:${(server.address() as AddressInfo).port}/openidm/`
}
