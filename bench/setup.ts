import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, issueCertificate } from '../lib/gateway/certificates.ts'
import { type Running, start } from './process.ts'

/** Backend, load generator and project directory of one run. */
export class Setup {
  readonly project: string
  readonly backend: Running
  readonly load: Running
  readonly #tokens: Running

  private constructor(project: string, backend: Running, load: Running, tokens: Running) {
    this.project = project
    this.backend = backend
    this.load = load
    this.#tokens = tokens
  }

  static async create(): Promise<Setup> {
    const project = await mkdtemp(join(tmpdir(), 'idm-bench-'))
    for (const name of ['conf', 'security']) await mkdir(join(project, name))
    const authority = await createAuthority('Benchmark CA')
    const { certificate, key } = await issueCertificate(authority, { hosts: ['127.0.0.1'] })
    const file = (name: string) => join(project, 'security', name)
    await writeFile(file('truststore.pem'), authority.certificate)
    await writeFile(file('backend.pem'), certificate)
    await writeFile(file('backend-key.pem'), key)
    const backend = await start('backend.ts', 1, { CERTIFICATE: file('backend.pem'), KEY: file('backend-key.pem') })
    return new Setup(project, backend, await start('load.ts', 1), await start('token-endpoint.ts', 1))
  }

  /** Points everything at the backend by this scheme and authentication. */
  async environment(scheme: 'http' | 'https', authType: 'basic' | 'bearer'): Promise<NodeJS.ProcessEnv> {
    const origin = `${scheme}://127.0.0.1:${this.backend.ready[scheme]}`
    await this.writeInstance('bench', origin, authType)
    return { TARGET: origin, AUTHORITY: scheme === 'https' ? join(this.project, 'security', 'truststore.pem') : '' }
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
    for (const process of [this.backend, this.load, this.#tokens]) await process.stop()
    await rm(this.project, { recursive: true, force: true })
  }
}
