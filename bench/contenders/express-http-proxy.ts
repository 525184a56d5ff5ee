/** express-http-proxy; it buffers bodies. */
import express from 'express'
import proxy from 'express-http-proxy'
import { LOCAL_BASE, remotePath, serve, target } from './serve.ts'

const app = express()
app.use(LOCAL_BASE, proxy(target.origin, { proxyReqPathResolver: (request) => remotePath(request.originalUrl) }))

serve(app)
