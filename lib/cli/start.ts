import { resolve } from 'node:path'
import type { ConfigurationFileFault, Logger } from '../contract.ts'
import { administratorPassword } from '../gateway/access/administrator.ts'
import { Gateway, type GatewayOptions } from '../gateway/gateway.ts'
import { isWorker } from '../gateway/link/link.ts'
import { REFUSAL } from '../gateway/link/refusal.ts'
import { type Ownership, takeOwnership } from '../gateway/ownership.ts'
import { createLog, logLevelOf } from '../gateway/project/log.ts'
import { isLoopback } from '../gateway/project/loopback.ts'
import { packageRoot } from '../gateway/project/package-info.ts'
import { openProject } from '../gateway/project/project.ts'
import { type SignalActions, stopOnSignal } from '../gateway/project/signals.ts'
import { serveAsWorker } from '../gateway/workers/worker.ts'
import { Workers } from '../gateway/workers/workers.ts'
import { type CommandIo, UsageError } from './command.ts'
import { inspect } from './inspection.ts'
import { type Notice, noticesOf, noticeTable } from './notices.ts'
import { columnsOf, type Output } from './text.ts'

export interface StartOptions {
  readonly project?: string
  readonly host: string
  readonly port: number
  readonly httpsPort?: number
  readonly workers: number
  readonly plugin?: readonly string[]
}

/** Runs the gateway until a signal stops it. Resolves to the exit status. */
export async function start(options: StartOptions, { stdout, stderr, env, cwd }: CommandIo): Promise<number> {
  const { host, port, httpsPort, workers, plugin = [] } = options
  if (options.project === undefined) throw new UsageError('--project <dir> is missing')
  const project = await openProject(resolve(cwd, options.project))
  const log = createLog({ level: logLevelOf(env) })
  const { password, isDefault } = administratorPassword(env, isLoopback(host))
  const gatewayOptions: GatewayOptions = {
    project,
    host,
    port,
    ...(httpsPort !== undefined && { httpsPort }),
    plugins: [packageRoot, ...plugin.map((dir) => resolve(cwd, dir))],
    administratorPassword: password,
    log,
  }
  if (isWorker()) return serveAsWorker(gatewayOptions)
  if (isDefault) log.warn({}, 'openidm-admin has the well-known default password: set OPENIDM_ADMIN_PASSWORD')
  const ownership = await takeOwnership(project, 'gateway')
  try {
    const holds = ownership.holds()
    const running = await (workers === 1
      ? startOne({ ...gatewayOptions, localToken: ownership.token })
      : startSeveral(workers, gatewayOptions, env))
    if (!(await holds)) log.warn({ db: project.db }, LOCKS_DO_NOT_HOLD)
    await announce(ownership, running)
    showNotices(noticesOf(running.notices), stderr, log)
    // Before the line is printed: its reader may send a signal at once.
    const stopped = stopOnSignal(running, log)
    for (const origin of running.origins) stdout.write(`Listening on ${origin}/openidm\n`)
    await stopped
    return 0
  } finally {
    ownership.release()
  }
}

const LOCKS_DO_NOT_HOLD =
  'the file system of db/ grants a file lock to two processes at once: make sure that no other process uses this project'

interface Running extends SignalActions {
  readonly origins: readonly string[]
  /** Of the listener for commands. */
  readonly local?: string | undefined
  readonly notices: readonly ConfigurationFileFault[]
}

/** A table for people, one line elsewhere. */
function showNotices(notices: readonly Notice[], stderr: Output, log: Logger): void {
  if (notices.length === 0) return
  const width = columnsOf(stderr)
  if (width === undefined) log.warn({ notices }, `not in force: ${notices.length} parts of the files in conf/`)
  else stderr.write(`\n${noticeTable(notices, width)}\n`)
}

async function startOne(options: GatewayOptions): Promise<Running> {
  const gateway = await Gateway.start(options)
  const { origins, localOrigin: local, notices } = gateway
  return { origins, local, notices, stop: () => gateway.stop(), reload: () => gateway.reload() }
}

async function startSeveral(count: number, options: GatewayOptions, env: NodeJS.ProcessEnv): Promise<Running> {
  const { workers, origins } = await Workers.start(count, options, options.log)
  options.log.info({ workers: count }, REFUSAL)
  const notices = await inspect(options.project, env, async (found) => [
    ...[...found.faults.values()].flat(),
    ...found.notices,
  ])
  return { origins, notices, stop: () => workers.stop(), reload: async () => workers.reload() }
}

async function announce(ownership: Ownership, { origins, local, stop }: Running): Promise<void> {
  try {
    ownership.announce({ url: `${origins[0]}/openidm`, local })
  } catch (error) {
    await stop()
    throw error
  }
}
