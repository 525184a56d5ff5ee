/** Who is measured. `file` is run as a process of its own. */
export interface Contender {
  readonly name: string
  readonly file: string
  readonly env?: (setup: { project: string }) => NodeJS.ProcessEnv
}

export const REFERENCE = 'raw Node relay'

export const CONTENDERS: readonly Contender[] = [
  { name: REFERENCE, file: 'raw-relay.ts' },
  { name: 'ours in Express 5', file: 'ours-express.ts', env: ({ project }) => ({ CONF: `${project}/conf` }) },
  { name: 'ours in the reference gateway', file: 'ours-gateway.ts', env: ({ project }) => ({ PROJECT: project }) },
  { name: 'Express 5 + HPM + keep-alive agent', file: 'hpm-express.ts' },
  { name: 'HPM on plain http', file: 'hpm-http.ts' },
  { name: 'httpxy', file: 'httpxy.ts' },
  { name: 'raw undici dispatch', file: 'undici-dispatch.ts' },
  { name: '@fastify/http-proxy', file: 'fastify-http-proxy.ts' },
  { name: 'express-http-proxy', file: 'express-http-proxy.ts' },
]
