/** http-proxy-middleware on plain http. */
import { createProxyMiddleware } from 'http-proxy-middleware'
import { options } from './peer-options.ts'
import { remotePath, serve } from './serve.ts'

const middleware = createProxyMiddleware({ ...options, pathRewrite: remotePath })

serve((request, response) => void middleware(request, response))
