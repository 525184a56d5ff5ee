/** The two sides of the reconciliation benchmark: gateways of their own projects, and the bare client. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildGateway } from './built-gateway.ts'
import { reconcile, startGateway } from './gateway.ts'
import { type Running, residentBytes, start } from './process.ts'
import type { BareResult, Writes } from './recon-bare.ts'
import { type Content, GatewayRemote, MAPPING, memoryRemote, type Remote } from './recon-remotes.ts'
import { forgetPeak, peakMegabytes, processorMs } from './usage.ts'

export type RemoteKind = 'memory' | 'gateway'
const ADMINISTRATOR = { userName: 'openidm-admin', password: 'openidm-admin' }

export interface OurResult extends BareResult {
  readonly megabytes: number
}

/** Remote, gateway and bare client of one run of the benchmark. */
export class ReconSides {
  readonly #folder: string
  readonly #dist: string
  readonly #remote: Remote
  readonly #bare: Running
  #gateway: Running | undefined
  #projects = 0

  private constructor(folder: string, dist: string, remote: Remote, bare: Running) {
    this.#folder = folder
    this.#dist = dist
    this.#remote = remote
    this.#bare = bare
  }

  static async start(kind: RemoteKind): Promise<ReconSides> {
    const folder = await mkdtemp(join(tmpdir(), 'idm-recon-'))
    const dist = buildGateway(folder)
    const remote = kind === 'memory' ? await memoryRemote() : await GatewayRemote.create(folder, dist)
    return new ReconSides(folder, dist, remote, await start('recon-bare.ts', 0, { TARGET: remote.origin }))
  }

  prepare(content: Content): Promise<void> {
    return this.#remote.prepare(content)
  }

  bare(writes: Writes): Promise<BareResult> {
    const answer = new Promise<BareResult>((resolve) => {
      this.#bare.child.once('message', (result) => resolve(result as BareResult))
    })
    this.#bare.child.send(writes)
    return answer
  }

  /** A gateway that knows of nothing yet takes the place of the one before. @returns its memory at rest, in MB */
  async freshGateway(): Promise<number> {
    await this.#gateway?.stop()
    this.#projects += 1
    const project = join(this.#folder, `project-${this.#projects}`)
    await mkdir(join(project, 'conf'), { recursive: true })
    const instance = { authType: 'basic', instanceUrl: `${this.#remote.origin}/openidm/`, ...ADMINISTRATOR }
    for (const name of ['a', 'b'])
      await writeFile(join(project, 'conf', `external.idm-${name}.json`), JSON.stringify(instance))
    await writeFile(join(project, 'conf', 'sync.json'), JSON.stringify({ mappings: [MAPPING] }))
    this.#gateway = await startGateway({ project, dist: this.#dist, core: 0, logLevel: 'error' })
    return residentBytes(this.#gateway.child.pid) / 1024 / 1024
  }

  async ours(): Promise<OurResult> {
    const gateway = this.#gateway as Running
    const { pid } = gateway.child
    forgetPeak(pid)
    const cpu = processorMs(pid)
    const { duration } = await reconcile(gateway)
    return { ms: Number(duration), cpuMs: processorMs(pid) - cpu, megabytes: peakMegabytes(pid) }
  }

  async close(): Promise<void> {
    for (const process of [this.#gateway, this.#bare, this.#remote]) await process?.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
