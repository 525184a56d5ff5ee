/** The remote of the benchmarks: answers by path, and does nothing else. Prints `{"http":PORT,"https":PORT}`. */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'

const object = { _id: 'u', _rev: '1', userName: 'bench', description: '' }
const padded = (bytes: number) => {
  const empty = JSON.stringify(object).length
  return Buffer.from(JSON.stringify({ ...object, description: 'x'.repeat(bytes - empty) }))
}
const bodies: Readonly<Record<string, Buffer>> = { small: padded(700), large: padded(200_000) }
const chunk = Buffer.alloc(64 * 1024, 'x')

const listener: http.RequestListener = (request, response) => {
  const name = (request.url ?? '').split('/').pop() ?? ''
  if (request.method === 'POST') {
    request.resume().on('end', () => answer(response, bodies.small))
  } else if (name === 'endless') stream(response, 64 * 1024 * 1024)
  else answer(response, bodies[name] ?? bodies.small)
}

function answer(response: http.ServerResponse, body: Buffer | undefined): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body?.length ?? 0 })
  response.end(body)
}

function stream(response: http.ServerResponse, bytes: number): void {
  let left = bytes
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes })
  const more = () => {
    while (left > 0) {
      left -= chunk.length
      if (!response.write(chunk)) return
    }
    response.end()
  }
  response.on('drain', more)
  more()
}

const listen = (server: http.Server): Promise<number> =>
  new Promise((resolve) => {
    server.keepAliveTimeout = 60_000
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

const { CERTIFICATE, KEY } = process.env
const ports = {
  http: await listen(http.createServer(listener)),
  https:
    CERTIFICATE && KEY
      ? await listen(https.createServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) }, listener))
      : 0,
}
console.log(JSON.stringify(ports))
