import { cp, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, issueCertificate } from '../examples/demo/certificate-authority.ts'
import { buildGateway } from './built-gateway.ts'
import type { Measured, Round } from './load.ts'
import { freePort, HAS_NGINX, startNginx } from './nginx.ts'
import { answerOf, type Running, start } from './process.ts'

/** Backend, load generator and project directory of one run. */
export class Setup {
  readonly project: string
  readonly backend: Running
  /** The folder of the compiled package. */
  readonly dist: string
  readonly #load: Running
  readonly #tokens: Running

  private constructor(project: string, dist: string, backend: Running, load: Running, tokens: Running) {
    this.project = project
    this.dist = dist
    this.backend = backend
    this.#load = load
    this.#tokens = tokens
  }

  static async create(): Promise<Setup> {
    const project = await mkdtemp(join(tmpdir(), 'idm-bench-'))
    for (const name of ['conf', 'security', 'built']) await mkdir(join(project, name))
    const dist = buildGateway(join(project, 'built'))
    const authority = await createAuthority('Benchmark CA')
    const { certificate, key } = await issueCertificate(authority, { hosts: ['127.0.0.1'] })
    const file = (name: string) => join(project, 'security', name)
    await writeFile(file('truststore.pem'), authority.certificate)
    await writeFile(file('backend.pem'), certificate)
    await writeFile(file('backend-key.pem'), key)
    const tls = { certificate: file('backend.pem'), key: file('backend-key.pem') }
    const backend = HAS_NGINX ? await nginxBackend(project, tls) : await nodeBackend(tls)
    return new Setup(project, dist, backend, await start('load.ts', 1), await start('token-endpoint.ts', 1))
  }

  /** Puts load on something for so long. */
  load(round: Round): Promise<Measured> {
    return answerOf(this.#load.child, { ...round })
  }

  /** Points everything at the backend by this scheme and authentication. */
  async environment(scheme: 'http' | 'https', authType: 'basic' | 'bearer'): Promise<NodeJS.ProcessEnv> {
    const origin = `${scheme}://127.0.0.1:${this.backend.ready[scheme]}`
    await this.writeInstance('bench', origin, authType)
    const authority = scheme === 'https' ? join(this.project, 'security', 'truststore.pem') : ''
    return {
      TARGET: origin,
      AUTHORITY: authority,
      DIST: this.dist,
      CONF: join(this.project, 'conf'),
      PROJECT: this.project,
    }
  }

  writeInstance(name: string, origin: string, authType: 'basic' | 'bearer' = 'basic'): Promise<void> {
    const credentials =
      authType === 'basic'
        ? { userName: 'bench', password: 'bench' }
        : {
            clientId: 'bench',
            clientSecret: 'bench',
            tokenEndpoint: `http://127.0.0.1:${this.#tokens.ready.port}/token`,
            scope: ['fr:idm:*'],
          }
    const content = { authType, instanceUrl: `${origin}/openidm/`, ...credentials }
    return writeFile(join(this.project, 'conf', `external.idm-${name}.json`), JSON.stringify(content))
  }

  async close(): Promise<void> {
    for (const process of [this.backend, this.#load, this.#tokens]) await process.stop()
    await rm(this.project, { recursive: true, force: true })
  }
}

/** A gateway keeps its database in its project: each one that runs needs a copy of its own. */
export async function copyProject(project: string): Promise<string> {
  const copy = await mkdtemp(join(project, 'copy-'))
  for (const name of ['conf', 'security']) await cp(join(project, name), join(copy, name), { recursive: true })
  return copy
}

interface Tls {
  readonly certificate: string
  readonly key: string
}

const nodeBackend = ({ certificate, key }: Tls) => start('backend.ts', 1, { CERTIFICATE: certificate, KEY: key })

/** The same answers as those of backend.ts, from files; a POST to a file is answered as a GET of the small one. */
async function nginxBackend(project: string, { certificate, key }: Tls): Promise<Running> {
  const root = join(project, 'answers')
  await mkdir(root)
  await writeFile(join(root, 'small'), JSON.stringify({ _id: 'u', _rev: '1', description: 'x'.repeat(660) }))
  await writeFile(join(root, 'large'), JSON.stringify({ _id: 'u', _rev: '1', description: 'x'.repeat(199_950) }))
  await writeFile(join(root, 'endless'), '')
  await truncate(join(root, 'endless'), 64 * 1024 * 1024)
  const location = `root ${root}; location ~ /(small|large|endless)$ { try_files /$1 =404; error_page 405 =200 /small; }`
  const secure = await freePort()
  const tls = `ssl_certificate ${certificate}; ssl_certificate_key ${key};`
  const backend = await startNginx(
    1,
    (port) =>
      `server { listen 127.0.0.1:${port}; ${location} } server { listen 127.0.0.1:${secure} ssl; ${tls} ${location} }`,
  )
  return { ...backend, ready: { http: backend.ready.port ?? 0, https: secure } }
}
