/** The reference: node:http in, node:http(s) with a keep-alive agent out, nothing else. */

import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { authority, remotePath, serve, target } from './serve.ts'

const { protocol, hostname, port, host } = target
const transport = protocol === 'https:' ? https : http
const agent = new transport.Agent({
  keepAlive: true,
  maxSockets: 256,
  ...(authority && { ca: readFileSync(authority) }),
})

serve((request, response) => {
  const { method, headers } = request
  const path = remotePath(request.url)
  const outgoing = transport.request({ hostname, port, method, path, agent, headers: { ...headers, host } })
  outgoing.on('response', (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, incoming.headers)
    incoming.pipe(response)
  })
  outgoing.on('error', () => response.destroy())
  request.pipe(outgoing)
})
