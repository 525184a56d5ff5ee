import { resolve } from 'node:path'
import type { Command } from '../command.ts'
import { Gateway } from '../gateway.ts'
import { administratorPassword } from '../identity/administrator.ts'
import { createLog, logLevelOf } from '../log.ts'
import { isLoopback } from '../loopback.ts'
import { packageRoot } from '../package-info.ts'
import { openProject } from '../project.ts'
import { stopOnSignal } from '../signals.ts'

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
    plugin: { value: 'DIR', description: 'a folder with a plugin.json to load as well', multiple: true },
  },
  notes: `Environment:
  OPENIDM_ADMIN_PASSWORD       the password of openidm-admin
  OPENIDM_ADMIN_PASSWORD_FILE  a file that holds it
  LOG_LEVEL                    trace, debug, info (default), warn, error or silent

When requests are served, standard output gets the line
  Listening on http://HOST:PORT/openidm
and one for HTTPS. Logs go to standard error.`,

  async run(values, { stdout, env, cwd }) {
    const host = values.text('host') ?? DEFAULT_HOST
    const port = values.port('port') ?? DEFAULT_PORT
    const httpsPort = values.port('https-port')
    const project = await openProject(resolve(cwd, values.required('project')))
    const log = createLog({ level: logLevelOf(env) })
    const { password, isDefault } = administratorPassword(env, isLoopback(host))
    if (isDefault) log.warn({}, 'openidm-admin has the well-known default password: set OPENIDM_ADMIN_PASSWORD')
    const gateway = await Gateway.start({
      project,
      host,
      port,
      ...(httpsPort !== undefined && { httpsPort }),
      plugins: [packageRoot, ...values.texts('plugin').map((dir) => resolve(cwd, dir))],
      administratorPassword: password,
      log,
    })
    for (const origin of gateway.origins) stdout.write(`Listening on ${origin}/openidm\n`)
    await stopOnSignal(() => gateway.stop(), log)
    return 0
  },
}
