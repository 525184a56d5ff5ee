/** Who plays the two remotes of the reconciliation benchmark: one process that serves both collections. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'undici'
import { ADMIN, startGateway } from './gateway.ts'
import { freePort } from './nginx.ts'
import { type Running, start } from './process.ts'

export interface Content {
  /** Fills the source with as many objects, and empties the target. */
  readonly fill?: number
  /** Changes every 100th object of the source; another number is another change. */
  readonly change?: number
}

export interface Remote {
  readonly origin: string
  prepare(content: Content): Promise<void>
  stop(): Promise<void>
}

/** Objects in memory, and as good as no work per request: what is left is the two clients. */
export async function memoryRemote(): Promise<Remote> {
  const running = await start('recon-remote.ts', 1)
  const origin = `http://127.0.0.1:${running.ready.port}`
  return {
    origin,
    async prepare({ fill = 0, change = 0 }) {
      await fetch(`${origin}/openidm/control?fill=${fill}&change=${change}`, { method: 'POST' })
    },
    stop: () => running.stop(),
  }
}

/** What both collections are, without rules of their own. */
export const MANAGED = {
  objects: ['user', 'alpha_user'].map((name) => ({ name, schema: { type: 'object', properties: {} } })),
}

/** A gateway of ours with its database: the quickest real IDM there is. */
export class GatewayRemote implements Remote {
  readonly origin: string
  readonly #folder: string
  readonly #dist: string
  readonly #port: number
  #running: Running | undefined
  #projects = 0
  #objects = 0

  private constructor(folder: string, dist: string, port: number) {
    this.#folder = folder
    this.#dist = dist
    this.#port = port
    this.origin = `http://127.0.0.1:${port}`
  }

  static async create(folder: string, dist: string): Promise<GatewayRemote> {
    return new GatewayRemote(folder, dist, await freePort())
  }

  async prepare({ fill = 0, change = 0 }: Content): Promise<void> {
    if (fill > 0) {
      await this.#restart()
      this.#objects = fill
      await fillUsers(this.#port, fill)
    }
    if (change > 0) await fillUsers(this.#port, this.#objects, 100, `Team ${change}`)
  }

  async stop(): Promise<void> {
    await this.#running?.stop()
  }

  async #restart(): Promise<void> {
    await this.stop()
    this.#projects += 1
    const project = join(this.#folder, `remote-${this.#projects}`)
    await mkdir(join(project, 'conf'), { recursive: true })
    await writeFile(join(project, 'conf', 'managed.json'), JSON.stringify(MANAGED))
    this.#running = await startGateway({ project, dist: this.#dist, core: 1, port: this.#port, logLevel: 'error' })
  }
}

/** PUTs every `step`th of so many users into `managed/user`, twenty at a time. */
export async function fillUsers(port: number, objects: number, step = 1, department = 'Engineering'): Promise<void> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 20 })
  let next = 0
  const worker = async () => {
    for (let index = next; index < objects; index = next) {
      next += step
      const { body, statusCode } = await pool.request({
        method: 'PUT',
        path: `/openidm/managed/user/u${index}`,
        headers: { ...ADMIN, 'content-type': 'application/json' },
        body: JSON.stringify(userOf(index, department)),
      })
      const text = await body.text()
      if (statusCode >= 300) throw new Error(text)
    }
  }
  await Promise.all(Array.from({ length: 20 }, worker))
  await pool.close()
}

/** Of both remotes, or of one gateway and itself. */
export const MAPPING = {
  name: 'm',
  source: 'external/idm/a/managed/user',
  target: 'external/idm/b/managed/alpha_user',
  properties: ['userName', 'givenName', 'sn', 'mail', 'department', 'description'].map((name) => ({
    source: name,
    target: name,
  })),
  correlationQuery: [{ linkQualifier: 'default', expressionTree: { any: ['userName'] } }],
}

/** The same in both kinds of remote. */
export const userOf = (index: number, department: string) => ({
  userName: `user.${index}`,
  givenName: `Given ${index}`,
  sn: `Family ${index}`,
  mail: `user.${index}@example.com`,
  department,
  description: 'x'.repeat(300),
})
