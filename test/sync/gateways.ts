/** Two real gateways that play the remotes, and one between them that reconciles. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../lib/contract.ts'
import { crestHttp } from '../../lib/crest/http/http.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { type Connection, connect } from '../../lib/crest/protocol/connection.ts'
import type { ResourceHandler } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { PASSWORD, startGateway, type TestGateway } from '../gateway/parts.ts'
import { onCleanUp } from '../helpers/clean-up.ts'

/** A remote IDM: its objects over HTTP, and a log of what it was asked. */
export interface RemoteIdm {
  readonly url: string
  /** Its own side. */
  readonly connection: Connection
  /** `METHOD path?query` of each request. */
  readonly requests: string[]
  /** Answers with this status in place of its own answer, or not at all, while it returns one. */
  interfere: ((request: IncomingMessage) => number | 'never' | undefined) | undefined
  /** The `Retry-After` of such answers; undefined = none. */
  retryAfter: string | undefined
}

const READS = /^GET /

export const writes = ({ requests }: RemoteIdm): number => requests.filter((request) => !READS.test(request)).length

/** How many requests did not write. */
export const reads = ({ requests }: RemoteIdm): number => requests.filter((request) => READS.test(request)).length

/** @param collections by their paths */
export async function startRemoteIdm(
  collections: Readonly<Record<string, ResourceHandler>> = {
    'managed/user': new MemoryCollection(),
    'managed/alpha_user': new MemoryCollection(),
  },
): Promise<RemoteIdm> {
  const router = new ResourceRouter()
  for (const [path, collection] of Object.entries(collections)) router.add(path, collection)
  const resources = crestHttp({ router, contextOf: () => ({}) })
  const server: Server = createServer((request, response) => {
    const url = request.url ?? ''
    remote.requests.push(`${request.method} ${url.slice('/openidm'.length)}`)
    const status = remote.interfere?.(request)
    if (status !== undefined) {
      request.resume()
      if (status === 'never') return
      const { retryAfter } = remote
      const patience = retryAfter === undefined ? {} : { 'Retry-After': retryAfter }
      response.writeHead(status, { ...patience, 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ code: status, reason: 'Busy', message: 'Come again' }))
      return
    }
    request.url = url.slice('/openidm'.length)
    resources(request, response, () => response.writeHead(404).end())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onCleanUp(() => {
    server.closeAllConnections()
    return new Promise((done) => server.close(done))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/openidm/`
  const remote: RemoteIdm = {
    ...{ url, connection: connect(router, {}), requests: [] },
    ...{ interfere: undefined, retryAfter: '1' },
  }
  return remote
}

/** `conf/external.idm-NAME.json` for a remote. */
export const instanceOf = ({ url }: Pick<RemoteIdm, 'url'>): JsonObject => ({
  enabled: true,
  authType: 'basic',
  instanceUrl: url,
  userName: 'openidm-admin',
  // Of the gateways that play remotes; the others do not ask.
  password: PASSWORD,
})

/** A gateway with the plugin in it and `plugins`, the remotes as its instances and `mappings` in its `sync.json`. */
export async function startSyncGateway(
  remotes: Readonly<Record<string, Pick<RemoteIdm, 'url'>>>,
  mappings: readonly JsonObject[],
  conf: Readonly<Record<string, unknown>> = {},
  plugins: readonly string[] = [],
): Promise<TestGateway> {
  const instances = Object.entries(remotes).map(([name, remote]) => [`external.idm-${name}.json`, instanceOf(remote)])
  return startGateway({
    conf: { ...Object.fromEntries(instances), 'sync.json': { mappings }, ...conf },
    plugins: [packageRoot, ...plugins],
  })
}
