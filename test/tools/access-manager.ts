/** The part of an access manager that vendor tools need to sign in as a service account: it gives out one token. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onCleanUp } from '../helpers/clean-up.ts'

const VERSION = { _id: 'version', version: '7.5.0', fullVersion: 'AM 7.5.0', revision: 'x', date: '2024' }

/** @returns its base address, `http://127.0.0.1:PORT/am` */
export async function startAccessManager(token: string): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const path = request.url ?? ''
    request.resume()
    const body = path.includes('/access_token')
      ? { access_token: token, scope: 'fr:am:* fr:idm:*', token_type: 'Bearer', expires_in: 899 }
      : path.includes('/serverinfo/version')
        ? VERSION
        : path.includes('/serverinfo/')
          ? { _id: '*', cookieName: 'am', domains: [], realm: '/' }
          : undefined
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body ?? { code: 404, reason: 'Not Found', message: 'Not Found' }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onCleanUp(() => new Promise((done) => server.close(done)))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/am`, requests }
}
