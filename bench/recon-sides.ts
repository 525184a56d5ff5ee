/** The sides of the reconciliation benchmark: gateways, each with a project of its own, and the bare client. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Costs, Variant } from './abba.ts'
import { reconcile, startGateway } from './gateway.ts'
import { answerOf, cpuMs, type Running, residentBytes, start } from './process.ts'
import type { BareResult, Writes } from './recon-bare.ts'
import { GatewayRemote, MAPPING, memoryRemote, type Remote } from './recon-remotes.ts'
import { median } from './statistics.ts'
import { forgetPeak, peakMegabytes } from './usage.ts'

/** Processor time of an object in microseconds; followed by ` time`, time by the clock. */
export const RECON_METRICS = ['create', 'unchanged', '1 % changed'] as const
export type RemoteKind = 'memory' | 'gateway'

/** Of one measurement, runs without and with changes: they are short. */
const RUNS = 3
const ADMINISTRATOR = { userName: 'openidm-admin', password: 'openidm-admin' }

export class ReconSides {
  readonly #folder: string
  readonly #remote: Remote
  readonly #objects: number
  #projects = 0
  #changes = 0

  private constructor(folder: string, remote: Remote, objects: number) {
    this.#folder = folder
    this.#remote = remote
    this.#objects = objects
  }

  /** @param dist the compiled package for remotes that are gateways */
  static async start(kind: RemoteKind, objects: number, dist: string): Promise<ReconSides> {
    const folder = await mkdtemp(join(tmpdir(), 'idm-recon-'))
    const remote = kind === 'memory' ? await memoryRemote() : await GatewayRemote.create(folder, dist)
    return new ReconSides(folder, remote, objects)
  }

  bare(): Variant {
    return this.#variant('bare client', async () => {
      const running = await start('recon-bare.ts', 0, { TARGET: this.#remote.origin })
      const run = (writes: Writes) => answerOf<BareResult>(running.child, writes)
      return { running, run }
    })
  }

  /** Starts a gateway that has no links yet for each measurement. */
  gateway(name: string, dist: string): Variant {
    return this.#variant(name, async () => {
      const running = await startGateway({ project: await this.#project(), dist, core: 0, logLevel: 'error' })
      const run = async () => {
        const before = await cpuMs(running.child)
        const { duration } = await reconcile(running)
        return { ms: Number(duration), cpuMs: (await cpuMs(running.child)) - before }
      }
      return { running, run }
    })
  }

  async close(): Promise<void> {
    await this.#remote.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #variant(name: string, open: () => Promise<Side>): Variant {
    const measure = async () => {
      await this.#remote.prepare({ fill: this.#objects })
      const side = await open()
      try {
        return await this.#measure(side)
      } finally {
        await side.running.stop()
      }
    }
    return { name, start: async () => ({ measure, stop: async () => undefined }) }
  }

  async #measure({ running, run }: Side): Promise<Costs> {
    const { pid } = running.child
    const atRest = residentBytes(pid) / 1024 / 1024
    forgetPeak(pid)
    const results: Record<(typeof RECON_METRICS)[number], BareResult[]> = {
      create: [],
      unchanged: [],
      '1 % changed': [],
    }
    results.create.push(await run('all'))
    for (let n = 0; n < RUNS; n++) results.unchanged.push(await run('none'))
    for (let n = 0; n < RUNS; n++) {
      this.#changes += 1
      await this.#remote.prepare({ change: this.#changes })
      results['1 % changed'].push(await run('changed'))
    }
    const costs = Object.entries(results).flatMap(([metric, runs]) => [
      [metric, (median(runs.map(({ cpuMs }) => cpuMs)) * 1000) / this.#objects] as const,
      [`${metric} time`, (median(runs.map(({ ms }) => ms)) * 1000) / this.#objects] as const,
    ])
    return { ...Object.fromEntries(costs), atRest, megabytes: peakMegabytes(pid) }
  }

  async #project(): Promise<string> {
    this.#projects += 1
    const project = join(this.#folder, `project-${this.#projects}`)
    await mkdir(join(project, 'conf'), { recursive: true })
    const instance = { authType: 'basic', instanceUrl: `${this.#remote.origin}/openidm/`, ...ADMINISTRATOR }
    for (const name of ['a', 'b'])
      await writeFile(join(project, 'conf', `external.idm-${name}.json`), JSON.stringify(instance))
    await writeFile(join(project, 'conf', 'sync.json'), JSON.stringify({ mappings: [MAPPING] }))
    return project
  }
}

interface Side {
  readonly running: Running
  run(writes: Writes): Promise<BareResult>
}
