import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ConfigurationObject, Json } from '../../lib/contract.ts'
import { crestHttp } from '../../lib/crest/http/http.ts'
import type { RequestContext } from '../../lib/crest/protocol/request.ts'
import type { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { type CallOptions, type CallResponse, request } from '../helpers/http.ts'

export const ADMINISTRATOR: RequestContext = {
  security: {
    authenticationId: 'openidm-admin',
    authorization: { id: 'openidm-admin', component: 'internal/user', roles: ['internal/role/openidm-admin'] },
  },
}
export const SOMEBODY: RequestContext = {
  security: {
    authenticationId: 'amira',
    authorization: { id: 'amira', component: 'managed/user', roles: ['internal/role/openidm-authorized'] },
  },
}

/** Serves the resources of a router over HTTP. */
export async function serve(router: ResourceRouter, contextOf: () => RequestContext = () => ADMINISTRATOR) {
  const handler = crestHttp({ router, contextOf })
  const server = createServer((incoming, response) => handler(incoming, response, () => response.writeHead(404).end()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return (path: string, options?: CallOptions): Promise<CallResponse> =>
    request(`http://127.0.0.1:${port}/${path}`, options)
}

/** A configuration object as the directory hands it over. */
export function configured(id: string, content?: Json): ConfigurationObject {
  const file = `${id.replace('/', '-')}.json`
  const alias = id.split('/')[1] ?? null
  if (content === undefined) return { id, alias, file, error: `${file}: it cannot be read` }
  return { id, alias, file, content: content as Record<string, Json> }
}
