/** nginx where it is installed: the lightest backend, and the limit outside Node as a contender. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pinned, type Running, stop } from './process.ts'

const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx', '/opt/homebrew/bin/nginx'].find((path) =>
  existsSync(path),
)
export const HAS_NGINX = NGINX !== undefined

/** Starts one worker on a core, with what stands in `server {}` besides `listen`. */
export async function startNginx(core: 0 | 1, server: (port: number) => string): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'idm-bench-nginx-'))
  const port = await freePort()
  await mkdir(join(folder, 'logs'))
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, server(port)))
  const [command = '', ...args] = pinned([NGINX ?? 'nginx', '-p', folder, '-c', join(folder, 'nginx.conf')], core)
  const child = spawn(command, args, { stdio: 'ignore' })
  await untilListening(port)
  return { ready: { port }, child, stop: () => stop(child, 'SIGTERM') }
}

function configuration(folder: string, server: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
daemon off;
pid ${join(folder, 'pid')};
error_log /dev/null crit;
events { worker_connections 4096; }
http {
  access_log off;
  default_type application/json;
  keepalive_timeout 60s;
  keepalive_requests 1000000000;
  client_max_body_size 1g;
  ${temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join('\n  ')}
  ${server}
}
`
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const answers = await new Promise<boolean>((resolve) => {
      const request = http.get({ host: '127.0.0.1', port, agent: false }, (response) => {
        response.resume()
        resolve(true)
      })
      request.on('error', () => resolve(false))
    })
    if (answers) return
    await new Promise((next) => setTimeout(next, 20))
  }
}
