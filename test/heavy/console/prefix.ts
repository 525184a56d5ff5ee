import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onCleanUp } from '../../helpers/clean-up.ts'
import type { Stage } from './stage.ts'

/** A reverse proxy that serves the gateway below `/some/where`. @returns its origin */
export async function behindPrefix({ url }: Pick<Stage, 'url'>): Promise<string> {
  const { port } = new URL(url)
  const server = createServer((incoming, response) => {
    const { url: target = '', method, headers } = incoming
    const path = target.replace(/^\/some\/where/, '')
    if (path === target) return response.writeHead(404).end()
    const outgoing = forward({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    return incoming.pipe(outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
