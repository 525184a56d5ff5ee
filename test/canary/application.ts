/**
 * An application with the remote proxy in it, as a process of its own that logs all it can: argument 1 is the conf
 * directory. Prints `{"port":…}`; `GET /openidm/inspect` prints what a person would print who looks for a fault.
 */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { externalIdm } from '../../lib/index.ts'
import { toLoopback } from '../helpers/http.ts'

// The very module by which the packages that we use write: shows that DEBUG is in force.
const require = createRequire(import.meta.url)
createRequire(require.resolve('http-proxy-middleware'))('debug')('canary')('DEBUG is in force')

const [confDir = ''] = process.argv.slice(2)
const log = pino({ level: 'trace' })
const idm = await externalIdm({ confDir, authorize: () => true, lookup: toLoopback, log, trustTransactionId: true })

const server = createServer((request, response) => {
  if (request.url === '/openidm/inspect') {
    const seen = inspect({ idm, instances: idm.instances() }, { depth: 20, showHidden: true, getters: true })
    log.info({ idm, instances: idm.instances() }, 'inspected')
    console.log(seen)
    response.end(seen)
    return
  }
  idm.router(request, response, (error) => {
    log.error({ err: error }, 'not ours')
    response.writeHead(404).end()
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
process.once('SIGTERM', async () => {
  server.closeAllConnections()
  server.close()
  await idm.close()
})
