/** node:http in, undici's dispatch out: the limit inside Node. */
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import { authority, remotePath, serve, target } from './serve.ts'

const pool = new Pool(target.origin, {
  connections: 64,
  ...(authority && { connect: { ca: readFileSync(authority) } }),
})

serve((request, response) => {
  const { method = 'GET', headers } = request
  const { connection: _c, ...rest } = headers
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  pool.dispatch(
    {
      method: method as 'GET',
      path: remotePath(request.url),
      headers: { ...rest, host: target.host } as Record<string, string>,
      body: hasBody ? request : null,
    },
    {
      onRequestStart: (controller) => {
        response.once('close', () => {
          if (!response.writableFinished) controller.abort(new Error('the caller left'))
        })
      },
      onResponseStart: (_controller, status, responseHeaders) => {
        response.writeHead(status, responseHeaders)
      },
      onResponseData: (controller, chunk) => {
        if (response.write(chunk)) return
        controller.pause()
        response.once('drain', () => controller.resume())
      },
      onResponseEnd: () => {
        response.end()
      },
      onResponseError: () => {
        response.destroy()
      },
    },
  )
})
