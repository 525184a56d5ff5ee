/** The two sides of the reconciliation benchmark: gateways of their own projects, and the bare client. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildGateway } from './built-gateway.ts'
import { type Running, residentBytes, start } from './process.ts'
import type { BareResult, Writes } from './recon-bare.ts'
import { type Content, GatewayRemote, memoryRemote, type Remote } from './recon-remotes.ts'
import { forgetPeak, peakMegabytes, processorMs } from './usage.ts'

const MAPPING = {
  name: 'm',
  source: 'external/idm/a/managed/user',
  target: 'external/idm/b/managed/alpha_user',
  properties: ['userName', 'givenName', 'sn', 'mail', 'department', 'description'].map((name) => ({
    source: name,
    target: name,
  })),
  correlationQuery: [{ linkQualifier: 'default', expressionTree: { any: ['userName'] } }],
}
const HEADERS = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }

/** The run says itself how long it took; asking for it costs the gateway time. */
const POLL_MS = 200

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
    this.#gateway = await start('recon-gateway.ts', 0, { PROJECT: project, DIST: this.#dist })
    return residentBytes(this.#gateway.child.pid) / 1024 / 1024
  }

  async ours(): Promise<OurResult> {
    const pid = this.#gateway?.child.pid
    forgetPeak(pid)
    const [begin, cpu] = [performance.now(), processorMs(pid)]
    const url = `http://127.0.0.1:${this.#gateway?.ready.port}/openidm/recon`
    const started = await fetch(`${url}?_action=recon&mapping=m`, { method: 'POST', headers: HEADERS })
    const { _id } = (await started.json()) as { _id: string }
    for (;;) {
      const run = (await (await fetch(`${url}/${_id}`, { headers: HEADERS })).json()) as Record<string, string>
      if (run.state === 'ACTIVE') {
        await new Promise((next) => setTimeout(next, POLL_MS))
        continue
      }
      if (run.state !== 'SUCCESS') throw new Error(String(run.stageDescription))
      if (process.env.VERBOSE) console.log(JSON.stringify(run))
      const ms = Math.min(Number(run.duration), performance.now() - begin)
      return { ms, cpuMs: processorMs(pid) - cpu, megabytes: peakMegabytes(pid) }
    }
  }

  async close(): Promise<void> {
    for (const process of [this.#gateway, this.#bare, this.#remote]) await process?.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
