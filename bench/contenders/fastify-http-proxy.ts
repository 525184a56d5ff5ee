/** @fastify/http-proxy as its documentation has it. */
import { readFileSync } from 'node:fs'
import proxy from '@fastify/http-proxy'
import fastify from 'fastify'
import { authority, LOCAL_BASE, ready, target } from './serve.ts'

const app = fastify()
await app.register(proxy, {
  upstream: target.origin,
  prefix: LOCAL_BASE,
  rewritePrefix: '/openidm',
  undici: { connections: 64, ...(authority && { connect: { ca: readFileSync(authority) } }) },
})
const address = await app.listen({ port: 0, host: '127.0.0.1' })
ready(Number(new URL(address).port))
