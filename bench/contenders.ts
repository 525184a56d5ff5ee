import { startGateway } from './gateway.ts'
import { HAS_NGINX, startNginx } from './nginx.ts'
import { type Running, start } from './process.ts'
import { copyProject } from './setup.ts'

/** Who is measured, each a process of its own on core 0. */
export interface Contender {
  readonly name: string
  /** @param environment as of `Setup.environment` */
  start(environment: NodeJS.ProcessEnv): Promise<Running>
}

export const REFERENCE = 'raw Node relay'
export const OURS_IN_EXPRESS = 'ours in Express 5'
export const OURS_IN_GATEWAY = 'ours in the reference gateway'

const script = (name: string, file: string): Contender => ({
  name,
  start: (environment) => start(`contenders/${file}`, 0, environment),
})

export const CONTENDERS: readonly Contender[] = [
  script(REFERENCE, 'raw-relay.ts'),
  script(OURS_IN_EXPRESS, 'ours-express.ts'),
  script('ours on plain http', 'ours-http.ts'),
  { name: OURS_IN_GATEWAY, start: gateway() },
  { name: 'ours in the gateway, no access log', start: gateway('error') },
  script('Express 5 + HPM + keep-alive agent', 'hpm-express.ts'),
  script('HPM on plain http', 'hpm-http.ts'),
  script('httpxy', 'httpxy.ts'),
  script('raw undici dispatch', 'undici-dispatch.ts'),
  script('@fastify/http-proxy', 'fastify-http-proxy.ts'),
  script('express-http-proxy', 'express-http-proxy.ts'),
  ...(HAS_NGINX ? [{ name: 'nginx', start: nginxProxy }] : []),
]

function gateway(logLevel?: 'error'): Contender['start'] {
  return async (env) => {
    const { DIST: dist = '', PROJECT = '' } = env
    return startGateway({ dist, project: await copyProject(PROJECT), core: 0, env, ...(logLevel && { logLevel }) })
  }
}

function nginxProxy({ TARGET = '' }: NodeJS.ProcessEnv): Promise<Running> {
  const { protocol, host } = new URL(TARGET)
  return startNginx(
    0,
    (port) => `
  upstream remote { server ${host}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location /openidm/external/idm/bench/ {
      proxy_pass ${protocol}//remote/openidm/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Basic YmVuY2g6YmVuY2g=";
    }
  }`,
  )
}
