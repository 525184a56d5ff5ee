/** Calls the handler of the serverless example as API Gateway does (payload version 2.0). */
import { createServer } from 'node:http'

const { handler } = await import('../.run/serverless.mjs')

createServer(async (request, response) => {
  const [rawPath, ...query] = request.url.split('?')
  const body = Buffer.concat(await request.toArray())
  const event = {
    version: '2.0',
    rawPath,
    rawQueryString: query.join('?'),
    // The platform has read the body; how it was framed is not told.
    headers: { ...request.headers, 'transfer-encoding': undefined },
    requestContext: { http: { method: request.method, path: rawPath, sourceIp: '127.0.0.1' } },
    ...(body.length > 0 && { body: body.toString('base64'), isBase64Encoded: true }),
  }
  try {
    const answer = await handler(event, {})
    const { 'content-length': _, 'transfer-encoding': __, ...headers } = answer.headers
    response.writeHead(answer.statusCode, headers)
    response.end(answer.isBase64Encoded ? Buffer.from(answer.body, 'base64') : answer.body)
  } catch {
    response.writeHead(502).end('{"code":502}')
  }
}).listen(0)
