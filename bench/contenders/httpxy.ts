/** httpxy alone, the proxy below http-proxy-middleware. */
import { createProxyServer } from 'httpxy'
import { options } from './peer-options.ts'
import { remotePath, serve } from './serve.ts'

const proxy = createProxyServer(options)

serve((request, response) => {
  request.url = remotePath(request.url)
  void proxy.web(request, response).catch(() => response.destroy())
})
