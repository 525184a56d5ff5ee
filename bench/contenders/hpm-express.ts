/** The bare stack that the plugin stands on: Express 5, http-proxy-middleware, a keep-alive agent. */
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { options } from './peer-options.ts'
import { LOCAL_BASE, serve } from './serve.ts'

const app = express()
app.use(LOCAL_BASE, createProxyMiddleware({ ...options, target: `${options.target}/openidm` }))

serve(app)
