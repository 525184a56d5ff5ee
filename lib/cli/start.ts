import { resolve } from 'node:path'
import type { ConfigurationFileFault, Logger } from '../contract.ts'
import { administratorPassword } from '../gateway/access/administrator.ts'
import { Gateway, type GatewayOptions } from '../gateway/gateway.ts'
import { isWorker } from '../gateway/link/link.ts'
import { takeOwnership } from '../gateway/ownership.ts'
import { createLog, logLevelOf } from '../gateway/project/log.ts'
import { isLoopback } from '../gateway/project/loopback.ts'
import { ownPlugins } from '../gateway/project/package-info.ts'
import { openProject } from '../gateway/project/project.ts'
import { type SignalActions, stopOnSignal } from '../gateway/project/signals.ts'
import { serveAsWorker } from '../gateway/workers/worker.ts'
import { Workers } from '../gateway/workers/workers.ts'
import { type CommandIo, UsageError } from './command.ts'
import { columnsOf, type Output } from './output.ts'

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
    plugins: [...ownPlugins, ...plugin.map((dir) => resolve(cwd, dir))],
    administratorPassword: password,
    log,
  }
  if (isWorker()) return serveAsWorker(gatewayOptions)
  if (isDefault) log.warn({}, 'openidm-admin has the well-known default password: set OPENIDM_ADMIN_PASSWORD')
  const ownership = await takeOwnership(project, 'gateway')
  try {
    // Not awaited: the start does not wait for the process that tries the lock.
    void ownership.holds().then((holds) => {
      if (!holds) log.warn({ db: project.db }, LOCKS_DO_NOT_HOLD)
    })
    const running = await (workers === 1
      ? startOne({ ...gatewayOptions, localToken: ownership.token })
      : startSeveral(workers, gatewayOptions, env))
    try {
      ownership.announce({ url: `${running.origins[0]}/openidm`, local: running.local })
      await showNotices(await running.notices(), stderr, log)
    } catch (error) {
      await running.stop()
      throw error
    }
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
  notices(): Promise<readonly ConfigurationFileFault[]>
}

/** A table for people, one line elsewhere. */
async function showNotices(found: readonly ConfigurationFileFault[], stderr: Output, log: Logger): Promise<void> {
  if (found.length === 0) return
  const { noticesOf, noticeTable } = await import('./notices.ts')
  const notices = noticesOf(found)
  const width = columnsOf(stderr)
  if (width === undefined) log.warn({ notices }, `not in force: ${notices.length} parts of the files in conf/`)
  else stderr.write(`\n${noticeTable(notices, width)}\n`)
}

async function startOne(options: GatewayOptions): Promise<Running> {
  const gateway = await Gateway.start(options)
  const { origins, localOrigin: local } = gateway
  const notices = async () => gateway.notices
  return { origins, local, notices, stop: () => gateway.stop(), reload: () => gateway.reload() }
}

async function startSeveral(count: number, options: GatewayOptions, env: NodeJS.ProcessEnv): Promise<Running> {
  const { workers, origins, local } = await Workers.start(count, options, options.log)
  const notices = async () =>
    (await import('./inspection.ts')).inspect(options.project, env, async ({ faults, notices }) => [
      ...[...faults.values()].flat(),
      ...notices,
    ])
  return { origins, local, notices, stop: () => workers.stop(), reload: async () => workers.reload() }
}
