import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseStoredJson } from '../core/json.ts'
import { replaceFileSync } from '../core/replace-file.ts'
import { z } from '../core/schema.ts'
import { Secret } from '../core/secret.ts'
import { holdsAgainstOthers, OWNER_LOCK, tryLock } from '../repo/sqlite/exclusive-lock.ts'
import { ADMINISTRATOR } from './access/administrator.ts'
import type { Project } from './project/project.ts'
import { StartError, startError } from './project/start-error.ts'

/** In the project's `db/`: who holds the lock. */
const OWNER = 'owner.json'
/** In the project's `db/` while `project restore` replaces what is there: without all of it there is no project. */
export const RESTORE_MARK = 'restore.json'
/** How long a command waits for an owner that starts, or that is a command itself. */
const PATIENCE_MS = 10_000
const POLL_MS = 100
const PING_MS = 2000

const ownerSchema = z.object({
  kind: z.enum(['gateway', 'command']),
  pid: z.number(),
  host: z.string(),
  since: z.string(),
  /** Where the gateway serves requests. */
  url: z.string().optional(),
  /** The listener for commands; absent while the owner starts, and for one that does not serve commands. */
  local: z.string().optional(),
  token: z.string(),
})

/** The process that owns a project, as it describes itself. Only the lock decides who owns it. */
export type Owner = z.infer<typeof ownerSchema>

type OwnedProject = Pick<Project, 'dir' | 'db'>

/** The ownership of a project by this process. Ends with `release` or with the process. */
export class Ownership {
  /** Opens the local listener of this owner. */
  readonly token: Secret
  readonly #db: string
  readonly #owner: Owner
  readonly #unlock: () => void
  readonly #released = new AbortController()

  constructor(db: string, owner: Owner, unlock: () => void) {
    this.token = new Secret(owner.token)
    this.#db = db
    this.#owner = owner
    this.#unlock = unlock
    this.announce({})
  }

  /** Tells commands where this process can be reached. */
  announce(addresses: Pick<Owner, 'url' | 'local'>): void {
    replaceFileSync(join(this.#db, OWNER), `${JSON.stringify({ ...this.#owner, ...addresses })}\n`)
  }

  /** Whether the file system refuses the lock to other processes; tries it with one. */
  holds(): Promise<boolean> {
    return holdsAgainstOthers(join(this.#db, OWNER_LOCK), this.#released.signal)
  }

  release(): void {
    this.#released.abort()
    rmSync(join(this.#db, OWNER), { force: true })
    this.#unlock()
  }
}

/**
 * Makes this process the owner of the project.
 * @param purpose a restore may own a project that another one has left incomplete
 * @throws StartError that names the owner when another process has it
 */
export async function takeOwnership(project: OwnedProject, purpose: Owner['kind'] | 'restore'): Promise<Ownership> {
  const restores = purpose === 'restore'
  const found = await attempt(project, restores ? 'command' : purpose, restores)
  if (found instanceof Ownership) return found
  throw owned(project, found)
}

/**
 * The owner of the project, to talk to, or else the ownership. Waits for an owner that starts.
 * @param gatewayOnly waits also until an owner that is a command has ended: what it runs for others would end with it
 * @throws StartError that names the owner when it serves no commands
 */
export async function ownerOrOwnership(
  project: OwnedProject,
  gatewayOnly: boolean,
): Promise<Ownership | (Owner & { readonly local: string })> {
  for (const deadline = Date.now() + PATIENCE_MS; ; ) {
    const found = await attempt(project, 'command')
    if (found instanceof Ownership) return found
    if (found?.local !== undefined && (!gatewayOnly || found.kind === 'gateway'))
      return { ...found, local: found.local }
    const isWithoutListener = found?.url !== undefined && found.local === undefined
    if (isWithoutListener || Date.now() > deadline) throw owned(project, found)
    await delay(POLL_MS)
  }
}

/** @returns what is known of the owner when it is another process */
async function attempt(
  { dir, db }: OwnedProject,
  kind: Owner['kind'],
  restores = false,
): Promise<Ownership | Owner | undefined> {
  let unlock: (() => void) | undefined
  try {
    mkdirSync(db, { recursive: true, mode: 0o750 })
    unlock = tryLock(join(db, OWNER_LOCK))
    const former = readOwner(db)
    if (!unlock) return former
    // A lock that was granted twice, or whose file was deleted: the owner is still there.
    if (former && (await answers(former))) {
      unlock()
      return former
    }
    if (!restores && existsSync(join(db, RESTORE_MARK)))
      throw new StartError('project restore was interrupted: restore the backup again, which puts all back first')
    const token = randomBytes(32).toString('base64url')
    const owner = { kind, pid: process.pid, host: hostname(), since: new Date().toISOString(), token }
    return new Ownership(db, owner, unlock)
  } catch (error) {
    unlock?.()
    throw startError(`${dir}: the ownership of the project cannot be determined in ${db}`, error)
  }
}

/** The token that the owner of the project has announced, for its worker processes. */
export function ownerToken({ db }: Pick<Project, 'db'>): Secret | undefined {
  const owner = readOwner(db)
  return owner && new Secret(owner.token)
}

function readOwner(db: string): Owner | undefined {
  const file = join(db, OWNER)
  if (!existsSync(file)) return undefined
  try {
    return ownerSchema.parse(parseStoredJson(readFileSync(file, 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code !== 'ENOENT') throw startError(file, error)
    return undefined
  }
}

/** Whether the owner still serves commands. Its listener takes no other token. */
async function answers({ local, token }: Owner): Promise<boolean> {
  if (local === undefined) return false
  const authorization = `Basic ${Buffer.from(`${ADMINISTRATOR}:${token}`).toString('base64')}`
  try {
    const url = `${local}/openidm/info/ping`
    const response = await fetch(url, { headers: { authorization }, signal: AbortSignal.timeout(PING_MS) })
    return response.ok && typeof ((await response.json()) as { state?: unknown }).state === 'string'
  } catch {
    return false
  }
}

function owned({ dir, db }: OwnedProject, owner: Owner | undefined): StartError {
  if (!owner) {
    const unless = `unless file locks do not work on the file system of ${db}`
    return new StartError(`${dir}: another process owns this project, ${unless}; try again when it has ended`)
  }
  const { kind, pid, host, since, url } = owner
  const where = host === hostname() ? '' : ` on ${host}`
  const at = url === undefined ? '' : `, ${url}`
  const who = `${kind === 'gateway' ? 'a gateway' : 'a command'} (process ${pid}${where}, since ${since}${at})`
  return new StartError(`${dir}: ${who} owns this project; stop it, or wait for its end`)
}
