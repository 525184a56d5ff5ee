import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, createSecureServer } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { dirname, join } from 'node:path'
import express5 from 'express'
import express4 from 'express4'
import { type ExternalIdmOptions, externalIdm, type MountedExternalIdm } from '../../lib/index.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { type MemoryLog, memoryLog } from '../helpers/log.ts'
import { testPki } from '../helpers/pki.ts'
import { http1, http2 } from './client.ts'
import { KEY, type StartedHost } from './contract.ts'
import { managed } from './management.ts'

export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** Starts the instances as each of these hosts does. */
export async function startInstances(
  confDir: string,
  options: Partial<ExternalIdmOptions> = {},
): Promise<{ idm: MountedExternalIdm; log: MemoryLog }> {
  const log = memoryLog()
  const authorize = ({ headers }: IncomingMessage) => (headers.authorization === KEY.authorization ? true : 401)
  const management = managed(join(dirname(confDir), 'db/openidm.db'))
  const idm = await externalIdm({ confDir, authorize, log, ...management, ...options })
  onCleanUp(() => idm.close())
  return { idm, log }
}

const ping = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"host":"here"}')

const inExpress =
  (version: typeof express5, ...middleware: Middleware[]) =>
  (router: Middleware): RequestListener => {
    const app = version()
    for (const one of middleware) app.use(one)
    app.get('/openidm/info/ping', (_request, response) => void ping(response))
    app.use('/openidm', router)
    return app as RequestListener
  }

const inPlain =
  (...middleware: Middleware[]) =>
  (router: Middleware): RequestListener => {
    const last: Middleware = (request, response) => {
      if (request.url === '/openidm/info/ping') ping(response)
      else router(request, response, () => void response.writeHead(404).end())
    }
    return (request, response) => {
      const run = (index: number): void => {
        ;(middleware[index] ?? last)(request, response, () => run(index + 1))
      }
      run(0)
    }
  }

export const express5With = (...middleware: Middleware[]) => overHttp(inExpress(express5, ...middleware))
export const express4With = (...middleware: Middleware[]) =>
  overHttp(inExpress(express4 as unknown as typeof express5, ...middleware))
export const plainWith = (...middleware: Middleware[]) => overHttp(inPlain(...middleware))

type Application = (router: Middleware) => RequestListener

const overHttp =
  (application: Application) =>
  async (confDir: string): Promise<StartedHost> => {
    const { idm, log } = await startInstances(confDir)
    const port = await listen(createServer(application(idm.router)))
    return started(idm, log, http1(`http://127.0.0.1:${port}`))
  }

/** `h2c`, without TLS, or TLS with either protocol for the client to choose. */
export const plainHttp2 =
  (kind: 'h2c' | 'TLS' | 'TLS, HTTP/1.1') =>
  async (confDir: string): Promise<StartedHost> => {
    const { idm, log } = await startInstances(confDir)
    const listener = inPlain()(idm.router) as unknown as Parameters<typeof createHttp2Server>[1]
    const { ca, server } = await testPki()
    const { certificate: cert, key } = await server('localhost')
    const port = await listen(
      kind === 'h2c' ? createHttp2Server(listener) : createSecureServer({ cert, key, allowHTTP1: true }, listener),
    )
    if (kind === 'h2c') return started(idm, log, http2(`http://127.0.0.1:${port}`))
    return started(idm, log, (kind === 'TLS' ? http2 : http1)(`https://localhost:${port}`, { ca }))
  }

const started = (idm: MountedExternalIdm, log: MemoryLog, client: StartedHost['client']): StartedHost => ({
  client,
  closeInstances: () => idm.close(),
  assertWell: () => {
    const failures = log.messages('error').filter((message) => message.includes('request failed'))
    if (failures.length > 0) throw new Error(failures.join('\n'))
  },
})

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanUp(() => {
    ;(server as { closeAllConnections?: () => void }).closeAllConnections?.()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
