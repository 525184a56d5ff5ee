import { resolve } from 'node:path'
import { administratorPassword } from '../gateway/access/administrator.ts'
import { Gateway, type GatewayOptions } from '../gateway/gateway.ts'
import { isWorker } from '../gateway/link/link.ts'
import { REFUSAL } from '../gateway/link/refusal.ts'
import { createLog, logLevelOf } from '../gateway/project/log.ts'
import { isLoopback } from '../gateway/project/loopback.ts'
import { packageRoot } from '../gateway/project/package-info.ts'
import { openProject } from '../gateway/project/project.ts'
import { type SignalActions, stopOnSignal } from '../gateway/project/signals.ts'
import { serveAsWorker } from '../gateway/workers/worker.ts'
import { Workers } from '../gateway/workers/workers.ts'
import { type CommandIo, UsageError } from './command.ts'

export interface StartOptions {
  readonly project?: string
  readonly host: string
  readonly port: number
  readonly httpsPort?: number
  readonly workers: number
  readonly plugin?: readonly string[]
}

/** Runs the gateway until a signal stops it. Resolves to the exit status. */
export async function start(options: StartOptions, { stdout, env, cwd }: CommandIo): Promise<number> {
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
  const { origins, ...actions } = await (workers === 1
    ? startOne(gatewayOptions)
    : startSeveral(workers, gatewayOptions))
  // Before the line is printed: its reader may send a signal at once.
  const stopped = stopOnSignal(actions, log)
  for (const origin of origins) stdout.write(`Listening on ${origin}/openidm\n`)
  await stopped
  return 0
}

interface Running extends SignalActions {
  readonly origins: readonly string[]
}

async function startOne(options: GatewayOptions): Promise<Running> {
  const gateway = await Gateway.start(options)
  return { origins: gateway.origins, stop: () => gateway.stop(), reload: () => gateway.reload() }
}

async function startSeveral(count: number, options: GatewayOptions): Promise<Running> {
  const { workers, origins } = await Workers.start(count, options, options.log)
  options.log.info({ workers: count }, REFUSAL)
  return { origins, stop: () => workers.stop(), reload: async () => workers.reload() }
}
