/** express-http-proxy; it buffers bodies. */
import { readFileSync } from 'node:fs'
import express from 'express'
import proxy from 'express-http-proxy'
import { authority, LOCAL_BASE, remotePath, serve, target } from './serve.ts'

const app = express()
app.use(
  LOCAL_BASE,
  proxy(target.origin, {
    proxyReqPathResolver: (request) => remotePath(request.originalUrl),
    proxyReqOptDecorator: (options) => Object.assign(options, authority && { ca: readFileSync(authority) }),
  }),
)

serve(app)
