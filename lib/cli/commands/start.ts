import { resolve } from 'node:path'
import { administratorPassword } from '../../gateway/access/administrator.ts'
import { Gateway, type GatewayOptions } from '../../gateway/gateway.ts'
import { isWorker } from '../../gateway/link/link.ts'
import { REFUSAL } from '../../gateway/link/refusal.ts'
import { createLog, logLevelOf } from '../../gateway/project/log.ts'
import { isLoopback } from '../../gateway/project/loopback.ts'
import { packageRoot } from '../../gateway/project/package-info.ts'
import { openProject } from '../../gateway/project/project.ts'
import { type SignalActions, stopOnSignal } from '../../gateway/project/signals.ts'
import { serveAsWorker } from '../../gateway/workers/worker.ts'
import { Workers } from '../../gateway/workers/workers.ts'
import type { Command } from '../command.ts'

/** More would only take memory. */
const MOST_WORKERS = 64
const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_PORT = 8080

export const start: Command = {
  name: 'start',
  summary: 'Runs the gateway on a project directory.',
  options: {
    project: {
      value: 'DIR',
      description: 'the directory with conf/, security/, resolver/, script/, db/; missing ones are made',
    },
    host: { value: 'H', description: `the address to listen on (default ${DEFAULT_HOST})` },
    port: { value: 'N', description: `the port for HTTP; 0 takes a free one (default ${DEFAULT_PORT})` },
    'https-port': {
      value: 'N',
      description: 'the port for HTTPS; needs security/server.pem and security/server-key.pem',
    },
    workers: { value: 'N', description: 'processes that serve requests, to use as many cores (default 1)' },
    plugin: { value: 'DIR', description: 'a folder with a plugin.json to load as well', multiple: true },
  },
  notes: `Environment:
  OPENIDM_ADMIN_PASSWORD       the password of openidm-admin
  OPENIDM_ADMIN_PASSWORD_FILE  a file that holds it
  LOG_LEVEL                    trace, debug, info (default), warn, error or silent

When requests are served, standard output gets the line
  Listening on http://HOST:PORT/openidm
and one for HTTPS. Logs go to standard error.

SIGTERM and SIGINT stop: requests under way are finished. SIGHUP and SIGUSR2 reload the configuration and the
server's certificate, and cut off no answer.

With several workers, one that dies is replaced, and a change of configuration over REST is answered when all
of them have it in force. Reconciliation needs a gateway of one process: recon and sync answer 501.`,

  async run(values, { stdout, env, cwd }) {
    const host = values.text('host') ?? DEFAULT_HOST
    const port = values.port('port') ?? DEFAULT_PORT
    const httpsPort = values.port('https-port')
    const project = await openProject(resolve(cwd, values.required('project')))
    const workers = values.count('workers', MOST_WORKERS) ?? 1
    const log = createLog({ level: logLevelOf(env) })
    const { password, isDefault } = administratorPassword(env, isLoopback(host))
    const options: GatewayOptions = {
      project,
      host,
      port,
      ...(httpsPort !== undefined && { httpsPort }),
      plugins: [packageRoot, ...values.texts('plugin').map((dir) => resolve(cwd, dir))],
      administratorPassword: password,
      log,
    }
    if (isWorker()) return serveAsWorker(options)
    if (isDefault) log.warn({}, 'openidm-admin has the well-known default password: set OPENIDM_ADMIN_PASSWORD')
    const { origins, ...actions } = await (workers === 1 ? startOne(options) : startSeveral(workers, options))
    // First, since whoever reads the line may send a signal at once.
    const stopped = stopOnSignal(actions, log)
    for (const origin of origins) stdout.write(`Listening on ${origin}/openidm\n`)
    await stopped
    return 0
  },
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
