/**
 * `npm run bench -- resume [--objects N]`: a reconciliation that creates N objects in a remote is killed while it plans,
 * stopped by SIGTERM and killed while it writes, and resumed each time. Prints what each process needed at most, and fails
 * when that is too much, or when the remote has an object twice or lacks one. Nothing is pinned to a core.
 */
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { buildGateway } from './built-gateway.ts'
import { ADMIN, send, startGateway } from './gateway.ts'
import { type Running, start, stop } from './process.ts'
import { MAPPING } from './recon-remotes.ts'
import { peakMegabytes } from './usage.ts'

const MAX_MEGABYTES = 300
const POLL_MS = 200

/** What the remote has seen. */
interface Seen {
  readonly created: number
  readonly duplicates: number
  readonly pages: number
  readonly firstWrite?: number
}

interface ShownRun {
  readonly _id: string
  readonly state: string
  readonly stage: string
  readonly stageDescription: string
  readonly resumable?: boolean
  readonly statusSummary: Readonly<Record<string, number>>
}

/** @returns whether memory and counts are as they should be */
export async function resume(objects: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'idm-resume-'))
  const remote = await start('resume-remote.ts', '0,1', { OBJECTS: String(objects) })
  try {
    const scenario = new Scenario(folder, buildGateway(folder), remote.ready.port ?? 0)
    await scenario.prepare()
    console.log(`\n${objects} objects from remote to remote, interrupted three times\n`)
    console.log('  process                         seconds  first write s   peak MB   created  rows done   db MB')
    await scenario.begin(objects)
    return await scenario.check(objects)
  } finally {
    await remote.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

class Scenario {
  readonly #project: string
  readonly #dist: string
  readonly #remote: number
  readonly #agent = new http.Agent({ keepAlive: true })
  #peak = 0
  #run = ''

  constructor(folder: string, dist: string, remote: number) {
    this.#project = join(folder, 'project')
    this.#dist = dist
    this.#remote = remote
  }

  async prepare(): Promise<void> {
    const conf = join(this.#project, 'conf')
    await mkdir(conf, { recursive: true })
    const instanceUrl = `http://127.0.0.1:${this.#remote}/openidm/`
    const instance = { authType: 'basic', instanceUrl, userName: 'bench', password: 'bench' }
    for (const name of ['a', 'b']) await writeFile(join(conf, `external.idm-${name}.json`), JSON.stringify(instance))
    await writeFile(join(conf, 'sync.json'), JSON.stringify({ mappings: [MAPPING] }))
  }

  async begin(objects: number): Promise<void> {
    await this.#leg('planned half, kill -9', 'SIGKILL', async (gateway) => {
      this.#run = (await ask(gateway, this.#agent, 'POST', 'recon?_action=recon&mapping=m'))._id
      // One page at a time is planned: the sources, after the one page of the empty target.
      await this.#until(({ pages }) => pages * 1000 > objects / 2)
    })
    await this.#leg('resumed, SIGTERM at a third', 'SIGTERM', async (gateway) => {
      await this.#resume(gateway)
      await this.#until(({ created }) => created > objects / 3)
    })
    await this.#leg('resumed, kill -9 at two thirds', 'SIGKILL', async (gateway) => {
      await this.#resume(gateway)
      await this.#until(({ created }) => created > (objects * 2) / 3)
    })
    await this.#leg('resumed, to the end', 'SIGTERM', async (gateway) => {
      await this.#resume(gateway)
      await this.#ended(gateway)
    })
    await this.#leg('another run: unchanged', 'SIGTERM', async (gateway) => {
      const unchanged = await ask(gateway, this.#agent, 'POST', 'recon?_action=recon&mapping=m')
      await this.#ended(gateway, unchanged._id)
    })
    await this.#leg('the first run removed', 'SIGTERM', async (gateway) => {
      await ask(gateway, this.#agent, 'DELETE', `recon/${this.#run}`)
    })
  }

  async check(objects: number): Promise<boolean> {
    const { created, duplicates } = await this.#seen()
    const holds = this.#peak < MAX_MEGABYTES && created === objects && duplicates === 0
    console.log(
      `\n  ${this.#peak.toFixed(0)} MB at most (goal: below ${MAX_MEGABYTES}), ${created} objects, ` +
        `${duplicates} duplicates: ${holds ? 'holds' : 'MISSED'}`,
    )
    return holds
  }

  /** One process of the gateway from its start until `signal` has ended it. */
  async #leg(name: string, signal: NodeJS.Signals, work: (gateway: Running) => Promise<void>): Promise<void> {
    await this.#seen('?forget')
    const gateway = await startGateway({ project: this.#project, dist: this.#dist, logLevel: 'error', hasProbe: false })
    const begin = Date.now()
    try {
      await work(gateway)
      const seconds = (Date.now() - begin) / 1000
      const rows = this.#run === '' ? undefined : await this.#shown(gateway, this.#run).catch(() => undefined)
      const peak = peakMegabytes(gateway.child.pid)
      this.#peak = Math.max(this.#peak, peak)
      const { created, firstWrite } = await this.#seen()
      const first = firstWrite === undefined ? '-' : ((firstWrite - begin) / 1000).toFixed(1)
      const stopping = Date.now()
      await stop(gateway.child, signal)
      const cells = [
        seconds.toFixed(1).padStart(8),
        first.padStart(14),
        peak.toFixed(0).padStart(9),
        String(created).padStart(9),
        String(rows?.statusSummary.SUCCESS ?? '-').padStart(10),
        (await this.#databaseMegabytes()).toFixed(0).padStart(7),
      ]
      console.log(
        `  ${name.padEnd(31)}${cells.join(' ')}   stopped in ${((Date.now() - stopping) / 1000).toFixed(1)} s`,
      )
    } finally {
      await gateway.stop()
    }
  }

  async #resume(gateway: Running): Promise<void> {
    const run = await this.#shown(gateway, this.#run)
    if (!run.resumable) throw new Error(`${run.state} ${run.stage}: ${run.stageDescription}`)
    await ask(gateway, this.#agent, 'POST', `recon/${this.#run}?_action=resume`)
  }

  async #ended(gateway: Running, id = this.#run): Promise<void> {
    for (;;) {
      const { state, stageDescription } = await this.#shown(gateway, id)
      if (state === 'SUCCESS') return
      if (state !== 'ACTIVE') throw new Error(`${state}: ${stageDescription}`)
      await delay(POLL_MS)
    }
  }

  #shown(gateway: Running, id: string): Promise<ShownRun> {
    return ask(gateway, this.#agent, 'GET', `recon/${id}`)
  }

  async #until(isReached: (seen: Seen) => boolean): Promise<void> {
    while (!isReached(await this.#seen())) await delay(POLL_MS)
  }

  async #seen(query = ''): Promise<Seen> {
    return (await (await fetch(`http://127.0.0.1:${this.#remote}/openidm/control${query}`)).json()) as Seen
  }

  /** With its write-ahead log. */
  async #databaseMegabytes(): Promise<number> {
    const db = join(this.#project, 'db')
    const sizes = (await readdir(db)).map(async (name) => (await stat(join(db, name))).size)
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1024 / 1024
  }
}

/** @throws Error with the text of an answer that is no success */
async function ask(
  { ready }: Running,
  agent: http.Agent,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
): Promise<ShownRun> {
  const { status, text } = await send(agent, ready.port ?? 0, { method, path, headers: ADMIN })
  if (status >= 300) throw new Error(text)
  return JSON.parse(text) as ShownRun
}
