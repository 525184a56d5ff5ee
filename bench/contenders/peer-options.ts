import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { authority, target } from './serve.ts'

const transport = target.protocol === 'https:' ? https : http

/** What anyone would set for http-proxy-middleware and httpxy: a target and a keep-alive agent. */
export const options = {
  target: target.origin,
  changeOrigin: true,
  agent: new transport.Agent({ keepAlive: true, maxSockets: 256, ...(authority && { ca: readFileSync(authority) }) }),
}
