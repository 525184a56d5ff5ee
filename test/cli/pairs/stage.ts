/** A project whose mapping creates objects in a remote that can hold its answers back, and processes on it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { MemoryCollection } from '../../../lib/crest/protocol/collection.ts'
import type { CreateRequest, Resource } from '../../../lib/crest/protocol/request.ts'
import { tempDir, tempDirWith } from '../../helpers/files.ts'
import { PASSWORD } from '../../helpers/gateway-process.ts'
import { type NodeProcess, spawnNode } from '../../helpers/process.ts'
import { until } from '../../helpers/until.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from '../../sync/gateways.ts'

const BIN = fileURLToPath(new URL('../../../lib/bin.js', import.meta.url))
const INDEX = fileURLToPath(new URL('../../../lib/index.ts', import.meta.url))
const ENV = { OPENIDM_ADMIN_PASSWORD: PASSWORD, OPENIDM_ADMIN_PASSWORD_FILE: undefined, LOG_LEVEL: 'warn' }

export const USERS = ['u1', 'u2', 'u3']

const MAPPING: JsonObject = {
  name: 'm',
  source: 'external/idm/a/managed/user',
  target: 'external/idm/b/managed/user',
  properties: [{ source: 'userName', target: 'userName' }],
  policies: [{ situation: 'ABSENT', action: 'CREATE' }],
}

/** Objects whose creation waits while the gate is closed. */
export class GatedUsers extends MemoryCollection {
  /** User names, in the order in which their creation was requested. */
  readonly requested: string[] = []
  #gate: PromiseWithResolvers<void> | undefined

  close(): void {
    this.#gate = Promise.withResolvers()
  }

  open(): void {
    this.#gate?.resolve()
    this.#gate = undefined
  }

  override async create(request: CreateRequest): Promise<Resource> {
    this.requested.push(String(request.content.userName))
    await this.#gate?.promise
    return super.create(request)
  }
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Stage {
  readonly project: string
  readonly target: RemoteIdm
  readonly users: GatedUsers
  /** A backup, a file with a link, and a plan of the mapping: what commands need. */
  readonly files: { readonly backup: string; readonly links: string; readonly plan: string }

  private constructor(parts: Pick<Stage, 'project' | 'target' | 'users' | 'files'>) {
    this.project = parts.project
    this.target = parts.target
    this.users = parts.users
    this.files = parts.files
  }

  static async create(): Promise<Stage> {
    const users = new GatedUsers()
    const source = await startRemoteIdm()
    const target = await startRemoteIdm({ 'managed/user': users })
    for (const id of USERS) await source.connection.create('managed/user', id, { userName: id })
    const project = await tempDirWith({
      'conf/external.idm-a.json': { ...instanceOf(source), socketTimeout: '10 minutes' },
      'conf/external.idm-b.json': { ...instanceOf(target), socketTimeout: '10 minutes' },
      'conf/sync.json': { mappings: [MAPPING] },
      'security/crypto.keys': `${generateKey('two')}\n${generateKey('one')}\n`,
    })
    const elsewhere = await tempDir()
    const [backup, links] = [join(elsewhere, 'first'), join(elsewhere, 'links.csv')]
    await writeFile(links, 'linkType,linkQualifier,firstId,secondId\nm,default,gone,gone\n')
    const files = { backup, links, plan: '' }
    const stage = new Stage({ project, target, users, files })
    const { stdout } = await stage.run(['recon', 'm', '--dry-run', '--json', ...stage.own])
    Object.assign(files, { plan: String((JSON.parse(stdout) as JsonObject)._id) })
    assert.equal((await stage.run(['project', 'backup', backup, '--with-keys', ...stage.own])).code, 0)
    return stage
  }

  get own(): string[] {
    return ['--project', this.project]
  }

  spawn(args: readonly string[]): NodeProcess {
    return spawnNode([BIN, ...args], { env: ENV })
  }

  /** A process with the router of an application on the same database; it reconciles when `runs`. */
  spawnHost(runs: boolean): NodeProcess {
    const script = `
      const { externalIdm } = await import(${JSON.stringify(INDEX)})
      const options = { authorize: () => true, authorizeManagement: () => true, sync: { db: 'db/openidm.db' } }
      const idm = await externalIdm({ confDir: 'conf', ...options })
      if (${runs}) console.log(JSON.stringify(await idm.reconcile('m')))
      await idm.close()`
    return spawnNode(['--input-type=module', '-e', script], { cwd: this.project, env: ENV })
  }

  async run(args: readonly string[]): Promise<Ended> {
    return ended(args[0] === 'host' ? this.spawnHost(false) : this.spawn(args))
  }

  /** Resolves when a run waits for the target: its first creation tells whether the target takes ids. */
  requested(count = 1): Promise<unknown> {
    return until(() => this.users.requested.length >= count, 'the run writes')
  }

  async runs(): Promise<JsonObject[]> {
    const { stdout } = await this.run(['recon', 'status', '--json', ...this.own])
    return JSON.parse(stdout) as JsonObject[]
  }

  async created(): Promise<unknown[]> {
    const { result } = await this.target.connection.query('managed/user', { _queryFilter: 'true' })
    return result.map(({ userName }) => userName).sort()
  }

  get owner(): JsonObject | undefined {
    try {
      return JSON.parse(readFileSync(join(this.project, 'db', 'owner.json'), 'utf8'))
    } catch {
      return undefined
    }
  }

  /** Whether the databases, and that of a backup, are as SQLite wants them. */
  async assertSound(): Promise<void> {
    for (const folder of [this.project, this.files.backup]) {
      const database = new DatabaseSync(join(folder, 'db', 'openidm.db'))
      assert.deepEqual({ ...database.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' })
      database.close()
    }
    const left = (await readdir(this.project)).filter((name) => name.startsWith('.restore-'))
    assert.deepEqual(left, [])
  }
}

export async function ended(process: NodeProcess): Promise<Ended> {
  process.child.stdin.end()
  const { code } = await process.exited
  return { code, stdout: process.stdout, stderr: process.stderr }
}
