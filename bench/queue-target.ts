/**
 * The target of the queue benchmark. The first part of the path says how it behaves: `fast`, `slow` (2 seconds per answer),
 * `busy` (429, asks for one second), `silent` (never answers). Prints `{"port":PORT}`.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'

const SLOW_MS = 2000

const server = http.createServer((request, response) => {
  const url = new URL(request.url ?? '', 'http://target')
  const [, behaviour = ''] = url.pathname.split('/')
  const send = (status: number, content: object, headers: http.OutgoingHttpHeaders = {}) => {
    const text = JSON.stringify(content)
    response.writeHead(status, {
      ...{ 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      ...headers,
    })
    response.end(text)
  }
  const answer = () => {
    if (request.method === 'GET' && url.searchParams.has('_queryFilter'))
      send(200, { result: [], pagedResultsCookie: null })
    else if (request.method === 'GET') send(404, { code: 404, reason: 'Not Found', message: 'Not Found' })
    else send(201, { _id: url.pathname.split('/').pop(), _rev: '1' })
  }
  request.resume().on('end', () => {
    if (behaviour === 'busy')
      send(429, { code: 429, reason: 'Too Many Requests', message: 'Too Many Requests' }, { 'retry-after': '1' })
    else if (behaviour === 'slow') setTimeout(answer, SLOW_MS)
    else if (behaviour !== 'silent') answer()
  })
})

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))
