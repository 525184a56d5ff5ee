import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import express5 from 'express'
import express4 from 'express4'
import type { HttpHandler } from '../../lib/contract.ts'
import { onCleanUp } from '../helpers/clean-up.ts'

/** Puts `handler` under `/openidm`; what it passes on is answered with 404 and the text `not ours`. */
export type Host = (handler: HttpHandler) => RequestListener

const plain: Host = (handler) => (request, response) => {
  const { url = '' } = request
  Object.assign(request, { url: url.slice('/openidm'.length), originalUrl: url })
  handler(request, response, () => response.writeHead(404).end('not ours'))
}

/** Express makes no difference between the versions that these tests could see. */
const express =
  (version: typeof express5, ...before: express5.RequestHandler[]): Host =>
  (handler) => {
    const app = version()
    for (const middleware of before) app.use(middleware)
    app.use('/openidm', handler)
    app.use((_request: express5.Request, response: express5.Response) => {
      response.status(404).send('not ours')
    })
    return app as RequestListener
  }

export const hosts: readonly [name: string, host: Host][] = [
  ['plain node:http', plain],
  ['Express 5', express(express5)],
  ['Express 5 behind express.json()', express(express5, express5.json())],
  ['Express 4', express(express4)],
  ['Express 4 behind express.json()', express(express4, express4.json())],
]

export const plainHost = plain
export const behind = (...middleware: express5.RequestHandler[]): Host => express(express5, ...middleware)

/** Listens on a free port of loopback until the test ends; with `tls`, behind TLS. */
export async function listen(
  listener: RequestListener,
  tls?: { key: string; cert: string },
): Promise<{ server: Server; port: number }> {
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port }
}
