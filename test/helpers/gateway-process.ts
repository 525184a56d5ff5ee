import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tempDirWith } from './files.ts'
import { type CallOptions, type CallResponse, request } from './http.ts'
import { type NodeProcess, spawnNode } from './process.ts'

const BIN = fileURLToPath(new URL('../../lib/bin.js', import.meta.url))
export const PASSWORD = 'a password for tests'
export const ADMIN = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': PASSWORD }

/** The reference gateway as a process of its own, by the command `start`. */
export interface GatewayProcess {
  readonly process: NodeProcess
  readonly port: number
  readonly project: string
  /** Calls `/openidm/` and what is given, as the administrator. */
  call(path: string, options?: CallOptions): Promise<CallResponse>
}

export interface GatewayProcessOptions {
  /** Further words of the command line. */
  readonly args?: readonly string[]
  /** The project directory; a temporary one unless given. */
  readonly project?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Starts it with these files of the conf directory; it is killed with its owner (see clean-up.ts). */
export async function startGatewayProcess(
  conf: Readonly<Record<string, unknown>>,
  { args = [], project, env = {} }: GatewayProcessOptions = {},
): Promise<GatewayProcess> {
  const files = Object.entries(conf).map(([name, content]) => [`conf/${name}`, content])
  const dir = project ?? (await tempDirWith(Object.fromEntries(files)))
  const process = spawnNode([BIN, 'start', '--project', dir, '--port', '0', ...args], {
    env: { OPENIDM_ADMIN_PASSWORD: PASSWORD, OPENIDM_ADMIN_PASSWORD_FILE: undefined, LOG_LEVEL: 'warn', ...env },
  })
  const origin = (await process.line(/^Listening on http:/)).replace('Listening on ', '')
  return {
    process,
    port: Number(new URL(origin).port),
    project: dir,
    call: (path, { headers, ...options } = {}) =>
      request(`${origin}/${path}`, { ...options, headers: { ...ADMIN, ...headers } }),
  }
}

/** How many sockets a process holds; Linux only. */
export function openSockets(pid: number | undefined): number {
  const dir = `/proc/${pid}/fd`
  return readdirSync(dir).filter((file) => linkOf(join(dir, file)).startsWith('socket:')).length
}

/** Files close while we look. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** Resident memory of a process in megabytes; Linux only. */
export function residentMegabytes(pid: number | undefined): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes ?? 0) / 1024
}
